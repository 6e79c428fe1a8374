#!/usr/bin/env python3
"""Check what a compiler does not: usage: tools/lint.py [CHECK...]

Every check is one function below; what it returns are complaints. Ends with "N passed, N failed", one per check.
The C checks need build/release (./run build): its compile_commands.json says how each file is compiled.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_BYTES_MAX = 1 << 20
C_LINES_MAX = 800

# Where packages come from is the machine's business: packages are named, never addressed. Brackets keep this file clean of
# what it looks for.
REGISTRY_HOSTS = re.compile(r'\b(?:(?:registry|deb|archive|security|ftp|mirrors?|packages|cdn|pypi|files|static)\.[\w-]+(?:\.[\w-]+)*\.?'
                            r'(?:org|com|net|io|dev|cn)|(?:n[p]mjs|p[y]pi|y[a]rnpkg|u[n]pkg|j[s]delivr|c[r]ates)\.(?:org|com|io|net))\b')

# Folders of somebody's machine; as far as they can be told from those of a system.
MACHINE_PATHS = re.compile(r'(?<![\w.${}-])/(?:w[o]rk|h[o]me/\w+|Us[e]rs/\w+|r[o]ot(?!\b/?z?oetrope))/')


def run(*command):
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def tracked(*patterns):
    return [f for f in run('git', 'ls-files', '--', *patterns).stdout.split('\n') if f and os.path.isfile(os.path.join(ROOT, f))]


def read(path):
    with open(os.path.join(ROOT, path), 'rb') as f:
        return f.read()


def text_files():
    """(path, text) of every tracked file that is text."""
    for path in tracked():
        data = read(path)
        if b'\0' not in data[:8192]:
            yield path, data.decode('utf-8', errors='replace')


# ---- checks ----

def check_layers():
    """a room includes only what stands to its left"""
    r = run(sys.executable, 'tools/check-layers.py')
    return [r.stdout] if r.returncode else []


def check_sizes():
    """no file over 1 MB, no C file over 800 lines"""
    big = [f'{f}: {len(read(f))} bytes' for f in tracked() if len(read(f)) > FILE_BYTES_MAX]
    return big + [f'{f}: {n} lines' for f in tracked('*.c', '*.h') if (n := read(f).count(b'\n')) > C_LINES_MAX]


def check_words():
    """no host of a package registry, no path of somebody's machine, no credential"""
    bad = []
    for path, text in text_files():
        if path == 'tools/lint.py' or path.startswith('fuzz/corpus/') or path.endswith('package-lock.json'):
            continue
        for n, line in enumerate(text.split('\n'), 1):
            if REGISTRY_HOSTS.search(line):
                bad.append(f'{path}:{n}: {line.strip()[:120]}')
            if MACHINE_PATHS.search(line):
                bad.append(f'{path}:{n}: {line.strip()[:120]}')
            if re.search(r'-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9]{20,}', line):
                bad.append(f'{path}:{n}: looks like a credential')
    return bad


def check_documents():
    """every file that a document names, or links to, exists"""
    files = set(tracked())
    folders = {f[:i] for f in files for i in range(len(f)) if f[i] == '/'}
    made = ('build/', 'out/', 'demo-out/', 'data/', '/')      # appear when something runs; or are addresses

    def exists(name):
        name = name.rstrip('/')
        return name in files or name in folders or any(f.endswith('/' + name) for f in files | folders)

    bad = []
    for path in tracked('*.md'):
        here = os.path.dirname(path)
        for n, line in enumerate(read(path).decode().split('\n'), 1):
            for target in re.findall(r'\]\(([^)#:\s]+)(?:#[^)]*)?\)', line):
                if os.path.normpath(os.path.join(here, target)) not in files | folders:
                    bad.append(f'{path}:{n}: link to {target}')
            for name in re.findall(r'`([\w./-]+)`', line):
                is_file = re.search(r'\.(c|h|py|mjs|md|def|sql|yaml|txt|tsv|html|css|js|json)$', name)
                is_path = re.match(r'(src|tools|tests|fuzz|bench|docs|share|web|products|changes)/', name)
                if (is_file or is_path) and not name.startswith(made) and '/NN-' not in name and not exists(name):
                    bad.append(f'{path}:{n}: {name} does not exist')
    return bad


def check_notice():
    """NOTICE names every npm package of the manifest and of the pages, and every model"""
    notice, bad = read('NOTICE').decode(), []
    for name in json.loads(read('web/package.json'))['devDependencies']:
        if not re.search(r'(?<![\w/-])' + re.escape(name) + r'(?![\w/-])', notice):
            bad.append(f'{name} of web/package.json is not in NOTICE')
    for line in read('tools/manifest.tsv').decode().split('\n'):
        row = line.split('\t')
        if row[0] == 'pack' and row[4].rsplit('@', 1)[0] not in notice:
            bad.append(f'{row[4]} is not in NOTICE')
        if len(row) > 2 and 'zoetrope/models/' in row[2] and os.path.basename(row[2]) not in notice:
            bad.append(f'{os.path.basename(row[2])} is not in NOTICE')
    return bad


def check_settings():
    """zoetrope.example.yaml is what the program prints"""
    made = run('build/release/zoetrope', 'settings')
    if made.returncode:
        return [made.stdout]
    same = os.path.exists(os.path.join(ROOT, 'zoetrope.example.yaml')) and read('zoetrope.example.yaml').decode() == made.stdout
    return [] if same else ['differs: build/zoetrope settings >zoetrope.example.yaml']


def check_shell():
    """shellcheck, and dash can read it"""
    scripts = [f for f in tracked() if read(f).startswith((b'#!/bin/sh', b'#!/bin/bash', b'#!/usr/bin/env bash'))]
    r = run('shellcheck', *scripts)
    bad = [r.stdout] if r.returncode else []
    return bad + [r.stdout for f in scripts if read(f).startswith(b'#!/bin/sh') and (r := run('dash', '-n', f)).returncode]


def check_scripts():
    """Python and JavaScript can be read"""
    bad = []
    for f in tracked('*.py'):
        try:
            compile(read(f), f, 'exec')
        except SyntaxError as e:
            bad.append(f'{f}: {e}')
    for f in tracked('*.mjs'):
        r = run('build/deps/node/bin/node', '--check', f)
        if r.returncode:
            bad.append(r.stdout)
    return bad


def check_c():
    """clang-tidy with the checks of .clang-tidy"""
    with open(os.path.join(ROOT, 'build/release/compile_commands.json'), encoding='utf-8') as f:
        commands = json.load(f)
    # what gcc knows and clang does not would only make noise
    unknown = re.compile(r'\s-(fcf-protection=full|fstack-clash-protection|ftrivial-auto-var-init=zero|Wno-[\w-]+|[DU]_?_FORTIFY_SOURCE(=\d)?)')
    ours = [dict(c, command=unknown.sub('', c['command'])) for c in commands
            if re.match(r'(\.\./)*(src|fuzz|tools|bench)/', os.path.relpath(os.path.join(c['directory'], c['file']), ROOT))]
    folder = os.path.join(ROOT, 'out/lint')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'compile_commands.json'), 'w', encoding='utf-8') as f:
        json.dump(ours, f)
    files = sorted({os.path.normpath(os.path.join(c['directory'], c['file'])) for c in ours})
    jobs = os.cpu_count() or 1
    parts = [subprocess.Popen(['clang-tidy', '--quiet', '-p', folder, *files[i::jobs]], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for i in range(jobs)]
    bad = []
    for part in parts:
        output, _ = part.communicate()
        bad += [re.sub(r'^(\S*?/)?((src|fuzz|tools|bench)/)', r'\2', line) for line in output.split('\n') if re.search(r'(error|warning): ', line)]
        if part.returncode and not bad:
            bad.append(f'clang-tidy: exit {part.returncode}\n{output[-2000:]}')
    return sorted(set(bad))


CHECKS = {name[6:]: f for name, f in list(globals().items()) if name.startswith('check_')}


def main():
    failed = 0
    chosen = sys.argv[1:] or list(CHECKS)
    for name in chosen:
        if name not in CHECKS:
            raise SystemExit(f'lint: no such check: {name} ({", ".join(CHECKS)})')
        bad = CHECKS[name]()
        failed += bool(bad)
        print(f"{'FAILED' if bad else 'ok':7} {name}: {CHECKS[name].__doc__}", flush=True)
        for complaint in bad:
            print('    ' + complaint.rstrip().replace('\n', '\n    '))
    print(f'{len(chosen) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
