#!/usr/bin/env python3
"""Try every migration and every SQL statement of the program on PostgreSQL and MariaDB.

usage: tools/sql-portability.py BUILD_FOLDER [SQL_TOOL]

Starts a throwaway server of each kind in a temporary folder, on a unix socket, as an unprivileged user; runs the migrations; takes every
DB_SQL out of the preprocessed sources (-DDB_SQL_EXTRACT, see src/db/db.h) and PREPAREs it. Statements and migrations that are known not
to be portable are tried too and must be refused, or the trial would prove nothing. Writes TAP; its last line is "# N passed, N failed".
"""
import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIGRATIONS = os.path.join(ROOT, 'src/db/migrations')
START_LIMIT_S = 120
CLIENT_LIMIT_S = 300

UNPORTABLE = {
    'INSERT OR IGNORE': 'INSERT OR IGNORE INTO asset (id) VALUES (?)',
    'rowid': 'SELECT id FROM asset ORDER BY rowid LIMIT ?',
    'a missing column': 'SELECT no_such_column FROM asset WHERE id = ?',
    'sqlite functions': 'SELECT strftime(?, created_ms) FROM asset',
}
UNPORTABLE_MIGRATION = ('CREATE TABLE bad_table (id INTEGER PRIMARY KEY AUTOINCREMENT, at DATETIME WITHOUT ROWID)',)


class Statement:
    """One DB_SQL: where it stands, its name, and its text for each database."""

    def __init__(self, path, name, text, pg=None, my=None):
        self.name = f'{path}: {name}'
        self.text = {'sqlite': text, 'postgresql': pg or text, 'mariadb': my or text}


# ---- the statements of the program ----

def c_string(tokens):
    """The value of adjacent C string literals; None for NULL."""
    literals = re.findall(r'"(?:[^"\\]|\\.)*"', tokens)
    return ''.join(ast.literal_eval(s) for s in literals) if literals else None


def preprocess(entry):
    """The preprocessed text of one file of compile_commands.json."""
    command, skip = [], False
    for arg in shlex.split(entry['command']):
        if skip or arg in ('-c', '-MD', 'ccache') or arg.startswith('-Werror'):
            skip = False
            continue
        if arg in ('-o', '-MF', '-MQ', '-MT'):
            skip = True
            continue
        command.append(arg)
    result = subprocess.run(command + ['-E', '-P', '-DDB_SQL_EXTRACT'], cwd=entry['directory'], capture_output=True, text=True,
                            errors='replace', check=False)
    if result.returncode != 0:
        sys.exit(f'sql-portability: {entry["file"]}: {result.stderr.strip()}')
    return result.stdout


def program_statements(build):
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as f:
        entries = json.load(f)
    statements, seen = [], set()
    for entry in entries:
        path = os.path.relpath(os.path.join(entry['directory'], entry['file']), ROOT)
        if path in seen or not path.startswith('src/') or path.endswith(('_test.c', '_bench.c')):
            continue
        seen.add(path)
        with open(os.path.join(ROOT, path), encoding='utf-8') as f:
            if not re.search(r'\bDB_SQL', f.read()):
                continue
        for kind, body in re.findall(r'@@\s*(SQL3?)\s*@@(.*?)@@\s*END\s*@@', preprocess(entry), re.S):
            name, *texts = re.split(r'@@', body)
            texts = [c_string(t) for t in texts]
            if len(texts) != (1 if kind == 'SQL' else 3) or texts[0] is None:
                sys.exit(f'sql-portability: {path}: cannot read {name.strip()}')
            statements.append(Statement(path, name.strip(), *texts))
    return statements


def sql_tool(tool, mode, text):
    out = subprocess.run([tool, mode], input=text.encode(), capture_output=True, check=True).stdout
    return [s.decode() for s in out.split(b'\0')[:-1]]


# ---- the servers ----

def as_nobody(command):
    """Servers refuse to run as root."""
    return ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', *command] if os.getuid() == 0 else command


def find_program(name, *folders):
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get('PATH', ''), '/usr/sbin']))
    if not found:
        sys.exit(f'sql-portability: {name} is not installed (tools/setup test-full)')
    return found


def must(command):
    result = subprocess.run(as_nobody(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=START_LIMIT_S,
                            cwd='/', check=False)
    if result.returncode != 0:
        sys.exit(f'sql-portability: {shlex.join(command)}:\n{result.stdout}')


class Server:
    """A server in `folder`; tried as a context manager."""

    def __init__(self, folder):
        self.folder = folder
        os.mkdir(folder, 0o700)
        if os.getuid() == 0:
            shutil.chown(folder, 'nobody', 'nogroup')

    def __exit__(self, *_):
        self.stop()

    def client(self, script):
        """Runs a script of one-line statements; returns {line: error}."""
        path = os.path.join(self.folder, 'script.sql')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(script) + '\n')
        os.chmod(path, 0o644)
        with open(path, encoding='utf-8') as f:
            result = subprocess.run(as_nobody(self.client_command(path)), stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    timeout=CLIENT_LIMIT_S, cwd='/', check=False)
        errors = {int(line): text.strip() for line, text in re.findall(self.error_line, result.stderr)}
        if result.returncode not in (0, 1, 3) or (result.returncode and not errors):
            sys.exit(f'sql-portability: {self.name} client: {result.stderr.strip()}')
        return errors


class PostgreSQL(Server):
    name = 'postgresql'
    error_line = r'(?m)^psql:[^\n]*?:(\d+): (?:ERROR|FATAL):\s*(.*)$'

    def __enter__(self):
        bin_dir = sorted(os.path.join('/usr/lib/postgresql', v, 'bin') for v in os.listdir('/usr/lib/postgresql'))[-1] \
            if os.path.isdir('/usr/lib/postgresql') else ''
        self.ctl, self.psql = find_program('pg_ctl', bin_dir), find_program('psql', bin_dir)
        self.data = os.path.join(self.folder, 'data')
        must([find_program('initdb', bin_dir), '-D', self.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'])
        must([self.ctl, '-D', self.data, '-w', '-t', str(START_LIMIT_S), '-l', os.path.join(self.folder, 'log'), '-o',
              f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off", 'start'])
        return self

    def stop(self):
        subprocess.run(as_nobody([self.ctl, '-D', self.data, '-m', 'immediate', '-w', 'stop']), stdout=subprocess.DEVNULL, cwd='/', check=False)

    def client_command(self, path):
        return [self.psql, '-X', '-q', '-h', self.folder, '-U', 'postgres', '-d', 'postgres', '-f', path]

    @staticmethod
    def prepare(i, text):
        return f'PREPARE s{i} AS {text};'


class MariaDB(Server):
    name = 'mariadb'
    error_line = r'(?m)^ERROR \d+ \(\w+\) at line (\d+): (.*)$'

    def __enter__(self):
        data, self.socket = os.path.join(self.folder, 'data'), os.path.join(self.folder, 'socket')
        must([find_program('mariadb-install-db'), '--no-defaults', f'--datadir={data}', '--auth-root-authentication-method=normal',
              '--skip-test-db'])
        self.mariadb = find_program('mariadb')
        self.process = subprocess.Popen(as_nobody([find_program('mariadbd'), '--no-defaults', f'--datadir={data}', f'--socket={self.socket}',
                                                   '--skip-networking', f'--pid-file={self.folder}/pid']),
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors='replace', cwd='/')
        log = []
        for line in self.process.stderr:              # its own word that it is ready
            log.append(line)
            if 'ready for connections' in line:
                break
        else:
            sys.exit('sql-portability: mariadbd ended:\n' + ''.join(log[-20:]))
        self.client(['CREATE DATABASE trial CHARACTER SET utf8mb4;'])
        return self

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def client_command(self, path):
        return [self.mariadb, '--no-defaults', f'--socket={self.socket}', '-u', 'root', '--force', '--skip-comments']

    def client(self, script):
        # What the driver will say at the start of each connection: standard quotes, standard ||, no silent cutting.
        modes = "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES';"
        use = '' if script[0].startswith('CREATE DATABASE') else ' USE trial;'
        return super().client([modes + use + ' ' + script[0], *script[1:]])

    @staticmethod
    def prepare(_, text):
        return "PREPARE s FROM '" + text.replace("'", "''") + "';"


# ---- the trial ----

class Tap:
    def __init__(self):
        self.passed = self.failed = 0

    def say(self, ok, name, why=''):
        self.passed, self.failed = self.passed + ok, self.failed + (not ok)
        print(f'{"" if ok else "not "}ok {self.passed + self.failed} - {name.replace("#", "")}')
        for line in why.splitlines():
            print(f'# {line}')


def one_line(text):
    return ' '.join(text.split('\n'))


def try_server(server, migrations, statements, tool, tap):
    # A table that the program makes by itself is a statement that cannot be PREPAREd everywhere: it runs.
    made = [(s.name, [s.text[server.name]]) for s in statements if s.text[server.name].startswith('CREATE')]
    statements = [s for s in statements if not s.text[server.name].startswith('CREATE')]
    for name, parts in made + migrations:
        errors = server.client([one_line(s) + ';' for s in parts])
        tap.say(not errors, f'{server.name}: {name}', '\n'.join(errors.values()))
    texts = [s.text[server.name] for s in statements] + list(UNPORTABLE.values())
    if server.name == 'postgresql':
        texts = sql_tool(tool, 'dollars', ''.join(t + '\0' for t in texts))
    errors = server.client([server.prepare(i, one_line(t)) for i, t in enumerate(texts)])
    for i, s in enumerate(statements):
        tap.say(i + 1 not in errors, f'{server.name}: {s.name}', errors.get(i + 1, ''))
    for i, name in enumerate(UNPORTABLE, len(statements) + 1):
        tap.say(i in errors, f'{server.name}: the trial refuses {name}', '' if i in errors else 'it was accepted')
    refused = server.client([one_line(s) + ';' for s in UNPORTABLE_MIGRATION])
    tap.say(bool(refused), f'{server.name}: the trial refuses a migration in the dialect of SQLite')


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    tool = os.path.abspath(sys.argv[2] if len(sys.argv) == 3 else os.path.join(build, 'src/db/sql_tool'))
    statements = program_statements(build)
    migrations = []
    for name in sorted(n for n in os.listdir(MIGRATIONS) if n.endswith('.sql')):
        with open(os.path.join(MIGRATIONS, name), encoding='utf-8') as f:
            migrations.append((f'migrations/{name}', sql_tool(tool, 'split', f.read())))
    tap = Tap()
    tap.say(len(statements) > 0 and len(migrations) > 0, f'{len(statements)} statements and {len(migrations)} migrations were found')
    with tempfile.TemporaryDirectory(prefix='zt-sql-') as folder:
        os.chmod(folder, 0o755)
        for kind in (PostgreSQL, MariaDB):
            with kind(os.path.join(folder, kind.name)) as server:
                try_server(server, migrations, statements, tool, tap)
    print(f'1..{tap.passed + tap.failed}')
    print(f'# {tap.passed} passed, {tap.failed} failed')
    sys.exit(1 if tap.failed else 0)


main()
