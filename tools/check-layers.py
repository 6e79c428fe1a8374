#!/usr/bin/env python3
"""Check the shape of the source: usage: tools/check-layers.py [ROOT]

  layers      a file of src/<room> includes headers of its own room and of rooms further left in LAYERS; rooms of one cell do not
              know each other
  dead files  every .c is named by a meson.build, every .h and .def is included by somebody
  functions   none is longer than FUNCTION_LINES_MAX; public ones are called after their room, or after a file of that room (conn.c:
              conn_close), or after one of NOUNS; no public name is defined in two rooms. Public is what other files can
              link to, and what stands inline in a header that another room includes
  banned      calls of base/banned.h, sleeping in tests, TODO marks

Prints one "file:line: complaint" a line; exit 1 when there is any.
"""
import os
import re
import sys

LAYERS = 'base | net media | db cache | blob mail | ledger | engine pay auth | studio | task | shop | social | api ops | main'
CELLS = [cell.split() for cell in LAYERS.split('|')]
LEVEL = {room: i for i, cell in enumerate(CELLS) for room in cell}

FUNCTION_LINES_MAX = 100

# Nouns of a room that are no file of it.
NOUNS = {
    'base': ['base64', 'base64url', 'check', 'fd', 'free', 'hex', 'jw', 'sha256', 'status'],
    'net': ['cidr', 'getaddrinfo', 'http', 'res', 'stat'],      # getaddrinfo: a test answers in libc's stead
    'blob': ['__wrap'],          # what the linker's --wrap calls
    'media': ['srgb'],
}

BANNED = ['strcpy', 'strcat', 'stpcpy', 'sprintf', 'vsprintf', 'gets', 'atoi', 'atol', 'atoll', 'strtok', 'localtime', 'gmtime',
          'ctime', 'system', 'popen', 'tmpnam', 'mktemp']
SLEEPS = ['sleep', 'usleep', 'nanosleep', 'clock_nanosleep', 'thrd_sleep']


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def blank(match):
    """Spaces instead of what was matched; lines stay lines."""
    return re.sub(r'[^\n]', ' ', match.group())


def code_of(text):
    """The text without comments, strings and character constants, of the same length."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def line_at(text, i):
    return text.count('\n', 0, i) + 1


def functions(code):
    """(name, is_static, first line, number of lines) of every function defined in code (see code_of)."""
    code = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', blank, code, flags=re.M)
    found, depth, start, opened = [], 0, 0, None
    for m in re.finditer(r'[{};]', code):
        c, i = m.group(), m.start()
        if c == '{':
            if depth == 0:
                opened = (start, i)
            depth += 1
        elif c == '}':
            depth -= 1
            if depth == 0:
                head = code[opened[0]:opened[1]]
                found += function(code, head, opened[0], i)
                start = i + 1
        elif depth == 0:
            start = i + 1
    return found


def function(code, head, start, end):
    bare = re.sub(r'__attribute__\s*\(\(.*?\)\)', blank, head, flags=re.S)
    bare = re.sub(r'\b[A-Z][A-Z0-9_]*\s*\([^()]*\)', blank, bare)           # DEFINE_CLEANUP(struct x, y)
    name = re.search(r'\b([A-Za-z_]\w*)\s*\(', bare)
    if not name or '=' in bare[:name.start()] or not bare.rstrip().endswith(')'):
        return []                                                           # a struct, an enum, an initialiser
    first = line_at(code, start + re.search(r'\S', bare).start())
    return [(name.group(1), bool(re.search(r'\bstatic\b', bare)), first, line_at(code, end) - first + 1)]


class Tree:
    """Everything that was read of one source tree, and the complaints about it."""

    def __init__(self, root):
        self.root, self.complaints = root, []
        self.texts = {}                  # path -> text of .c .h .def below src and fuzz
        self.quoted = {}                 # folder -> quoted words of its meson.build
        for top in ('src', 'fuzz'):
            for folder, _, leaves in os.walk(os.path.join(root, top)):
                for leaf in sorted(leaves):
                    path = os.path.relpath(os.path.join(folder, leaf), root)
                    if leaf == 'meson.build':
                        text = re.sub(r'(?m)#.*$', '', read(os.path.join(root, path)))
                        self.quoted[os.path.dirname(path)] = set(re.findall(r"'([^'\n]*)'", text))
                    elif leaf.endswith(('.c', '.h', '.def')):
                        self.texts[path] = read(os.path.join(root, path))
        self.codes = {path: code_of(text) for path, text in self.texts.items()}

    def complain(self, path, line, what):
        self.complaints.append(f'{path}:{line}: {what}')

    def includes(self, path):
        """(line, name) of every #include "name"."""
        uncommented = re.sub(r'/\*.*?\*/', blank, self.texts[path], flags=re.S)
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', uncommented, flags=re.M):
            yield line_at(uncommented, m.start(1)), m.group(1)


def room_of(path):
    parts = path.split('/')
    return parts[1] if parts[0] == 'src' and len(parts) > 2 else None


def check_layers(tree):
    for path in tree.texts:
        room = room_of(path)
        if room is None:
            continue
        if room not in LEVEL:
            tree.complain(path, 1, f'room {room} has no place in the order of layers')
            continue
        for line, name in tree.includes(path):
            other = name.split('/')[0] if '/' in name else room
            if other == '..' or '/../' in name:
                tree.complain(path, line, f'"{name}": include by room, not by way of ..')
            elif other not in LEVEL:
                tree.complain(path, line, f'"{name}": there is no such room')
            elif other != room and LEVEL[other] >= LEVEL[room]:
                tree.complain(path, line, f'{room} may not include {other}: it does not stand to its left')


def is_named(leaf, words):
    """Is the file named in a meson.build, whole ('x.c') or as 'x' + '_test.c', 'fuzz_' + 'x' + '.c'?"""
    if leaf in words:
        return True
    return any(leaf == a + word + b for word in words if word and word in leaf
               for a in words | {''} for b in words | {''} if len(a) + len(word) + len(b) == len(leaf) and (a or b))


def check_dead_files(tree):
    included = {os.path.basename(name) for path in tree.texts for _, name in tree.includes(path)}
    for path in tree.texts:
        folder, leaf = os.path.split(path)
        if leaf.endswith('.c'):
            if not is_named(leaf, tree.quoted.get(folder, set())):
                tree.complain(path, 1, 'dead: no meson.build names it')
        elif leaf not in included and leaf != 'banned.h':        # the build includes that one by -include
            tree.complain(path, 1, 'dead: nobody includes it')


def nouns_of_rooms(tree):
    """room -> the words that its public names may begin with: its own, the first words of its files, NOUNS."""
    nouns = {room: {room, *NOUNS.get(room, [])} for room in LEVEL}
    for path in tree.texts:
        noun = re.match(r'[a-z0-9]+', os.path.basename(path))
        if room_of(path) in nouns and noun:
            nouns[room_of(path)] |= {noun.group(), noun.group().removesuffix('s')}      # fixtures.c: fixture_png()
    return nouns


def check_functions(tree):
    nouns, homes = nouns_of_rooms(tree), {}              # homes: public name -> first room that has it
    shared = {name for path in tree.texts for _, name in tree.includes(path) if name.split('/')[0] != room_of(path)}
    for path, code in tree.codes.items():
        room = room_of(path)
        for name, is_static, line, lines in functions(code):
            if lines > FUNCTION_LINES_MAX:
                tree.complain(path, line, f'{name}() has {lines} lines; {FUNCTION_LINES_MAX} are the most')
            public = not is_static or path[len('src/'):] in shared
            if room not in nouns or not public or name == 'main':
                continue
            if not re.match(r'(%s)(s?_|$)' % '|'.join(nouns[room]), name):
                tree.complain(path, line, f'{name}() is public and called neither after {room} nor after a file of it')
            if homes.setdefault(name, room) != room:
                tree.complain(path, line, f'{name}() is public in {homes[name]} too')


def check_banned(tree):
    for path, code in tree.codes.items():
        if path == 'src/base/banned.h':
            continue
        words = BANNED + (SLEEPS if path.endswith('_test.c') else [])
        for m in re.finditer(r'\b(%s)\s*\(' % '|'.join(words), code):
            tree.complain(path, line_at(code, m.start()), f'{m.group(1)}() is banned')
        for m in re.finditer(r'\b(TODO|FIXME|XXX)\b', tree.texts[path]):
            tree.complain(path, line_at(code, m.start()), f'{m.group(1)}: do it, or open an issue')


def check(root):
    """Every complaint about the tree, sorted."""
    tree = Tree(root)
    for look in (check_layers, check_dead_files, check_functions, check_banned):
        look(tree)
    return len(tree.texts), sorted(tree.complaints)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files, complaints = check(root)
    print('\n'.join(complaints + [f'{files} files, {len(complaints)} complaints']))
    return 1 if complaints or files == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
