#!/usr/bin/env python3
"""check-layers.py must be silent about a good tree and find each kind of fault in a bad one. Prints TAP."""
import importlib.util
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location('check_layers', os.path.join(HERE, 'check-layers.py'))
check_layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_layers)

GOOD = {
    'src/base/meson.build': "files('str.c')\nforeach t : ['str']\n  executable(t + '_test.c')\nendforeach\n# files('ghost.c')\n",
    'src/base/str.h': '#include <stddef.h>\n#define STR_X(a) (a)\nstatic inline int str_one(void) { return 1; }\n',
    'src/base/str.c': '#include "base/str.h"\n#include "words.def"\n'
                      '/* strcpy(a, b) and TODAY in words */\n'
                      'static const char *const names[] = {\n    "system(x) } {", \'{\' ? "a" : "b",\n};\n'
                      'struct pair { int a, b; };\n'
                      '__attribute__((format(printf, 1, 2)))\nstatic int quiet(const char *f, ...) { return f[0] == \'"\'; }\n'
                      'DEFINE_CLEANUP(struct pair, pair_free)\n\nconst char *str_two(int i) {\n    if (i) {\n        quiet("");\n    }\n    return names[i];\n}\n'
                      'int mystrcpy(int);\n',
    'src/base/str_test.c': '#include "base/str.h"\nint main(void) { return 0; }\n',
    'src/base/words.def': 'WORD(a)\n',
    'src/net/meson.build': "files('conn.c')\n",
    'src/net/conn.c': '#include "base/str.h"\nvoid net_go(void) { }\nvoid conn_go(void) { }\nstatic void anything(void) { }\n',
    'src/media/meson.build': "files('client.c')\n",
    'src/media/client.c': '#include "base/str.h"\nvoid media_go(void) { }\n',
    'src/task/meson.build': "files('lease.c')\n",
    'src/task/lease.c': '#include "base/str.h"\nint task_lease(void) { return 0; }\n',
    'src/task/task.h': '#include "base/str.h"\n',
    'src/main/meson.build': "files('main.c')\n",
    'src/main/main.c': '#include "task/task.h"\nint main(void) { return 0; }\n',
    'fuzz/meson.build': "fuzz_targets = { 'json': [base] }\nexecutable('fuzz_' + name + '.c')\n",
    'fuzz/fuzz_json.c': '#include "base/str.h"\nint LLVMFuzzerTestOneInput(void) { return 0; }\n',
}

# what it shows, the file, its text in the bad tree, the one complaint (None: see EXTRA)
BAD = [
    ('a room to the right', 'src/base/str.c', '#include "base/str.h"\n#include "words.def"\n#include "task/task.h"\n',
     'src/base/str.c:3: base may not include task: it does not stand to its left'),
    ('a room of the same cell', 'src/net/conn.c', '\n#include "media/client.h"\n', 'src/net/conn.c:2: net may not include media: it does not stand to its left'),
    ('the same cell, the other way', 'src/media/client.c', '# include "net/conn.h"\n', 'src/media/client.c:1: media may not include net: it does not stand to its left'),
    ('a path with ..', 'src/net/conn.c', '#include "../task/task.h"\n', 'src/net/conn.c:1: "../task/task.h": include by room, not by way of ..'),
    ('a path with .. inside', 'src/net/conn.c', '#include "net/../task/task.h"\n', 'src/net/conn.c:1: "net/../task/task.h": include by room, not by way of ..'),
    ('a room that does not exist', 'src/net/conn.c', '#include "attic/x.h"\n', 'src/net/conn.c:1: "attic/x.h": there is no such room'),
    ('a folder that is no room', 'src/attic/meson.build', "files('x.c')", None),
    ('a file nobody builds', 'src/base/ghost.c', '#include "base/str.h"\n', 'src/base/ghost.c:1: dead: no meson.build names it'),
    ('a test nobody builds', 'src/base/ghost_test.c', 'int main(void) { return 0; }\n', 'src/base/ghost_test.c:1: dead: no meson.build names it'),
    ('a fuzz target nobody builds', 'fuzz/fuzz_ghost.c', '#include "base/str.h"\n', 'fuzz/fuzz_ghost.c:1: dead: no meson.build names it'),
    ('a header nobody includes', 'src/net/ghost.h', 'int net_x(void);\n', 'src/net/ghost.h:1: dead: nobody includes it'),
    ('a function without its room', 'src/task/lease.c', '\nint grab(void)\n{\n    return 0;\n}\n',
     'src/task/lease.c:2: grab() is public and called neither after task nor after a file of it'),
    ('an inline function without its room', 'src/task/task.h', 'static inline int grab(void) { return 0; }\n',
     'src/task/task.h:1: grab() is public and called neither after task nor after a file of it'),
    ('a name public in two rooms', 'src/net/lease.c', 'void lease_go(void) { }\n', None),
    ('a long function', 'src/task/lease.c', 'int task_lease(void) {\n' + '    if (1) { }\n' * 99 + '}\n',
     'src/task/lease.c:1: task_lease() has 101 lines; 100 are the most'),
    ('strcpy', 'src/net/conn.c', 'void net_go(char *a) {\n    strcpy (a, "x");\n}\n', 'src/net/conn.c:2: strcpy() is banned'),
    ('localtime', 'src/net/conn.c', 'void net_go(void) { f(localtime(0)); }\n', 'src/net/conn.c:1: localtime() is banned'),
    ('sleep in a test', 'src/base/str_test.c', 'int main(void) { sleep(1); }\n', 'src/base/str_test.c:1: sleep() is banned'),
    ('a TODO', 'src/net/conn.c', 'void net_go(void) { } /* TODO: more */\n', 'src/net/conn.c:1: TODO: do it, or open an issue'),
]
# cases that take more than one file: the other files, the complaint
EXTRA = {
    'a folder that is no room': ({'src/attic/x.c': ''}, 'src/attic/x.c:1: room attic has no place in the order of layers'),
    'a name public in two rooms': ({'src/net/meson.build': "files('conn.c', 'lease.c')\n", 'src/task/lease.c': 'void lease_go(void) { }\n'},
                                   'src/task/lease.c:1: lease_go() is public in net too'),
}


def complaints_about(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as f:
                f.write(text)
        return check_layers.check(root)[1]


def main():
    cases = [('a good tree', GOOD, [])]
    for name, path, text, want in BAD:
        more, other = EXTRA.get(name, ({}, want))
        cases.append((name, {**GOOD, path: text, **more}, [other]))
    print(f'1..{len(cases)}')
    failed = 0
    for i, (name, files, want) in enumerate(cases, 1):
        got = complaints_about(files)
        failed += got != want
        print(f"{'ok' if got == want else 'not ok'} {i} - {name}")
        if got != want:
            print(f'# got  {got}\n# want {want}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
