#!/usr/bin/env python3
"""Turn files into one C file with a table of them (src/base/embed.h).

    embed.py [--base DIR] [--depfile FILE] OUT.c SYMBOL FILE-OR-FOLDER...

A name in the table is the path below --base (default: the file's own name). A folder stands for every file in it. NAME.gz and NAME.br beside
NAME are not files of their own but its compressed forms. With --depfile
the build notices changed files and, through the folders' times, new and removed ones.
"""
import argparse
import hashlib
import os
import sys

MIME = {
    '.css': 'text/css; charset=utf-8', '.gif': 'image/gif', '.html': 'text/html; charset=utf-8', '.ico': 'image/x-icon',
    '.jpg': 'image/jpeg', '.js': 'text/javascript; charset=utf-8', '.json': 'application/json', '.map': 'application/json',
    '.md': 'text/markdown; charset=utf-8', '.png': 'image/png', '.sql': 'text/plain; charset=utf-8', '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8', '.webmanifest': 'application/manifest+json', '.webp': 'image/webp',
    '.woff2': 'font/woff2', '.yaml': 'text/plain; charset=utf-8',
}
NAMED = {ord('\n'): '\\n', ord('"'): '\\"', ord('\\'): '\\\\'}
# Octal escapes always have three digits, so that a digit behind one cannot join it; '?' is escaped against trigraphs.
ESCAPES = [NAMED.get(b) or (chr(b) if 32 <= b < 127 and b != ord('?') else '\\%03o' % b) for b in range(256)]
CHUNK = 4096
CODINGS = ('.gz', '.br')       # in the order of struct embed_file


def literal(data):
    lines, line = [], []
    for i, b in enumerate(data):
        line.append(ESCAPES[b])
        if b == 10 or len(line) == CHUNK or i + 1 == len(data):
            lines.append('    "%s"' % ''.join(line))
            line = []
    return '\n'.join(lines) or '    ""'


def collect(paths):
    """Files of the arguments, and every folder looked into."""
    files, folders = [], []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        for folder, names, leaves in os.walk(path):
            names.sort()
            folders.append(folder)
            files += [os.path.join(folder, leaf) for leaf in sorted(leaves) if not leaf.startswith('.')]    # editors leave such
    return files, folders


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--base')
    ap.add_argument('--depfile')
    ap.add_argument('out')
    ap.add_argument('symbol')
    ap.add_argument('paths', nargs='*')
    args = ap.parse_args()

    files, folders = collect(args.paths)
    table, coded = {}, {}
    for path in files:
        name = os.path.relpath(path, args.base) if args.base else os.path.basename(path)
        name = name.replace(os.sep, '/')
        if name.startswith('../') or name in table:
            sys.exit('embed.py: %s: outside of --base, or named twice' % path)
        coding = os.path.splitext(name)[1]
        if coding in CODINGS:
            with open(path, 'rb') as f:
                coded[name] = f.read()
            continue
        kind = MIME.get(os.path.splitext(name)[1])
        if kind is None:
            sys.exit('embed.py: %s: no media type for this ending; add it to MIME' % path)
        with open(path, 'rb') as f:
            table[name] = (f.read(), kind)

    for name in coded:
        if os.path.splitext(name)[0] not in table:
            sys.exit('embed.py: %s: the file that it is a form of is not there' % name)

    rows = sorted(table.items(), key=lambda item: item[0].encode())
    out = ['/* made by tools/embed.py; do not edit */', '#include "base/embed.h"',
           '#pragma GCC diagnostic ignored "-Woverlength-strings"',
           'extern const struct embed_dir %s;' % args.symbol]
    for i, (name, (data, kind)) in enumerate(rows):
        out += ['static const char file_%d[] =' % i, literal(data) + ';']
        for coding in CODINGS:
            if name + coding in coded:
                out += ['static const char file_%d_%s[] =' % (i, coding[1:]), literal(coded[name + coding]) + ';']
    if rows:
        out.append('static const struct embed_file files[] = {')
        for i, (name, (data, kind)) in enumerate(rows):
            forms = ['{ file_%d_%s, %d }' % (i, c[1:], len(coded[name + c])) if name + c in coded else '{ 0, 0 }' for c in CODINGS]
            out.append('    { "%s", { file_%d, %d }, "%s", "%s", %s },' % (
                ''.join(ESCAPES[b] for b in name.encode()), i, len(data), hashlib.sha256(data).hexdigest(), kind, ', '.join(forms)))
        out.append('};')
    out.append('const struct embed_dir %s = { %s, %d };' % (args.symbol, 'files' if rows else '0', len(rows)))
    with open(args.out, 'w', encoding='utf-8') as f:
        f.write('\n'.join(out) + '\n')
    if args.depfile:
        with open(args.depfile, 'w', encoding='utf-8') as f:
            f.write('%s: %s\n' % (args.out, ' '.join(p.replace(' ', '\\ ') for p in files + folders)))


main()
