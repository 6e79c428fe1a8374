#!/usr/bin/env python3
"""Run stages of tests and sum everything up to one last line, "N passed, N failed".

usage: tools/test-runner.py [--build FOLDER] STAGE...

  unit         every unit test of the build folder (Meson suite "unit": cmocka and the fuzz corpora, both TAP)
  server       tests/*.test.mjs: the whole server, from outside, with the binaries of the build folder
  full         Meson suite "full" and tests/full/*.test.mjs: what needs PostgreSQL, MariaDB, nginx or Chromium
  strict       tools/strict: malformed HTTP, nginx beside it
  fuzz:SECONDS every fuzz target, SECONDS in all
  layers       tools/check-layers.py

The whole-server tests get ZOETROPE_BIN. A test that is skipped has failed, unless tests/skips.txt names it with a reason.
So has a stage that ran no test, or that took longer than its limit. Every single result is left in
out/test/<build>-<stage>.json. Exit: 0 all passed, 1 not.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NODE = 'build/deps/node/bin/node'
STAGE_LIMIT_S = 1800
OUTPUT_LINES_SHOWN = 60


class Result:
    """One test: its name, 'passed', 'failed' or 'skipped', and what it said when it did not pass."""

    def __init__(self, name, outcome, text='', ms=0):
        self.name, self.outcome, self.text, self.ms = name, outcome, text, ms


def run(command, limit_s=STAGE_LIMIT_S, env=None, show=False):
    """Run a command in a process group of its own, which is killed at the limit. Returns (exit code, output)."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, errors='replace', start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=None if show else subprocess.PIPE,
                               stderr=None if show else subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=limit_s)
        return process.returncode, output or ''
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 124, (output or '') + f'\ntook longer than {limit_s} s and was killed'
    except BaseException:               # told to stop: nothing may run on
        os.killpg(process.pid, signal.SIGKILL)
        raise


def parse_tap(text, prefix):
    """The results in TAP output; the lines that follow a failure (and '#' lines) are its text."""
    results, planned, notes = [], None, []
    for line in text.splitlines():
        plan = re.match(r'1\.\.(\d+)', line)
        point = re.match(r'(not )?ok\b\s*\d*\s*(?:-\s*)?([^#]*)(?:#\s*(skip|todo)\b.*)?', line, re.IGNORECASE)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
        elif point and not line.startswith(' '):
            outcome = 'skipped' if point.group(3) else 'failed' if point.group(1) else 'passed'
            # cmocka writes the reason before the line it belongs to
            results.append(Result(prefix + point.group(2).strip(), outcome, '\n'.join(notes) if outcome == 'failed' else ''))
            notes = []
        else:
            notes.append(line)
    if planned is None or planned != len(results):
        results.append(Result(f'{prefix}(plan)', 'failed', f'{planned} tests were planned, {len(results)} ended\n{text[-4000:]}'))
    return results


# ---- stages: each returns a list of Result ----

def environment(build):
    """The environment of the tests: which binaries, and what the sanitizers are told (a report ends the program)."""
    return dict(os.environ, ZOETROPE_BIN=os.path.join(ROOT, build, 'zoetrope'), UBSAN_OPTIONS='print_stacktrace=1',
                TSAN_OPTIONS=f'halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp')

def meson_suite(build, suite):
    log = os.path.join(ROOT, build, 'meson-logs/testlog.json')
    if os.path.exists(log):
        os.unlink(log)
    slow = {'build/asan': '10', 'build/tsan': '20'}.get(build, '5')         # times the limit of a test: others may use the machine, too
    code, output = run(['meson', 'test', '-C', build, '--no-rebuild', '--suite', suite, '-t', slow,
                        '--num-processes', str(os.cpu_count() or 1)], env=environment(build))
    if not os.path.exists(log):
        return [] if 'No suitable tests' in output else [Result(f'meson test --suite {suite}', 'failed', output)]
    results = []
    with open(log, encoding='utf-8') as lines:
        for test in map(json.loads, lines):
            name, text = test['name'], test.get('stdout', '') + test.get('stderr', '')
            name = name.split(' / ')[-1]
            found = parse_tap(test.get('stdout', ''), name + ': ') if '1..' in test.get('stdout', '') else []
            bad = test['result'] not in ('OK', 'EXPECTEDFAIL', 'SKIP')
            if bad and not any(r.outcome == 'failed' for r in found):
                found.append(Result(name, 'failed', f"{test['result']}, exit {test.get('returncode')}\n{text}"))
            elif bad:       # what it printed tells more than its point
                next(r for r in found if r.outcome == 'failed').text += '\n' + text
            elif not found:
                found.append(Result(name, 'skipped' if test['result'] == 'SKIP' else 'passed'))
            results += found
    return results


def is_of_others(path):
    """Tests of the simulators alone say so in their head. Sanitizers would find nothing new in them."""
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return 'Nothing of ours takes part.' in f.read(1000)


def node_tests(build, folder, stage):
    files = sorted(os.path.join(folder, f) for f in os.listdir(os.path.join(ROOT, folder)) if f.endswith('.test.mjs')) \
        if os.path.isdir(os.path.join(ROOT, folder)) else []
    if build in ('build/asan', 'build/tsan'):
        files = [f for f in files if not is_of_others(f)]
    if not files:
        return []
    events = f'out/test/{build.replace("/", "-")}-{stage}.jsonl'
    code, _ = run([NODE, '--test', '--test-concurrency=1', '--test-timeout=600000',
                   '--test-reporter=spec', '--test-reporter-destination=stdout',
                   '--test-reporter=./tools/test-reporter.mjs', '--test-reporter-destination=' + events, *files],
                  env=environment(build), show=True)
    results, ran = [], {}
    with open(os.path.join(ROOT, events), encoding='utf-8') as lines:
        for t in map(json.loads, lines):
            file = os.path.relpath(t['file'], ROOT) if t['file'] else ''
            if t['ok'] and t['nesting'] == 0 and t['name'].endswith('.test.mjs'):
                continue        # the file itself, which passed because it holds no test
            ran[file] = ran.get(file, 0) + 1
            outcome = 'skipped' if t['skip'] else 'passed' if t['ok'] else 'failed'
            results.append(Result(f"{os.path.basename(file)}: {t['name']}", outcome, t['error'], t['ms']))
    results += [Result(f'{f}: (file)', 'failed', 'ran no test') for f in files if f not in ran]
    if code != 0 and not any(r.outcome == 'failed' for r in results):
        results.append(Result('node --test', 'failed', f'exit {code}'))
    return results


def stage_fuzz(seconds):
    code, output = run(['tools/fuzz', seconds])
    results = parse_tap(output, '')
    if code != 0 and not any(r.outcome == 'failed' for r in results):
        results.append(Result('tools/fuzz', 'failed', output))
    return results


def stage_strict(build):
    path = os.path.join(ROOT, 'out/strict.json')
    if os.path.exists(path):
        os.unlink(path)
    code, output = run(['tools/strict'], limit_s=300, env=environment(build))
    if not os.path.exists(path):
        return [Result('tools/strict', 'failed', output)]
    with open(path, encoding='utf-8') as f:
        results = [Result(c['case'], 'passed' if c['ok'] else 'failed', f"sent {c['sent']!r}\nanswer {c['answer']!r}") for c in json.load(f)]
    if code != 0 and not any(r.outcome == 'failed' for r in results):
        results.append(Result('tools/strict', 'failed', output))
    return results


def stage_layers():
    code, output = run([sys.executable, 'tools/check-layers.py'], limit_s=60)
    return [Result('layers', 'failed' if code else 'passed', output if code else '')]


def run_stage(stage, build):
    name, _, argument = stage.partition(':')
    if name == 'unit':
        return meson_suite(build, 'unit')
    if name == 'server':
        return node_tests(build, 'tests', name)
    if name == 'full':
        return meson_suite(build, 'full') + node_tests(build, 'tests/full', name)
    if name == 'fuzz':
        return stage_fuzz(argument or '120')
    if name == 'strict':
        return stage_strict(build)
    if name == 'layers':
        return stage_layers()
    raise SystemExit(f'test-runner: no such stage: {stage}')


# ---- summing up ----

def allowed_skips():
    """tests/skips.txt: '<name of the test><tab><reason>' a line."""
    path = os.path.join(ROOT, 'tests/skips.txt')
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8') as lines:
        rows = [line.rstrip('\n').split('\t') for line in lines if line.strip() and not line.startswith('#')]
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[1]}


def judge(results, skips):
    """Turn skips without a reason into failures; no result at all is a failure."""
    for r in results:
        if r.outcome == 'skipped' and r.name not in skips:
            r.outcome, r.text = 'failed', 'skipped, and tests/skips.txt gives no reason'
    return results or [Result('(stage)', 'failed', 'ran no test')]


def report(stage, results, took_s, build):
    counts = {o: sum(r.outcome == o for r in results) for o in ('passed', 'failed', 'skipped')}
    for r in results:
        if r.outcome == 'failed':
            print(f'FAILED {stage}: {r.name}')
            print('\n'.join('    ' + line for line in r.text.strip().splitlines()[-OUTPUT_LINES_SHOWN:]))
    print(f"{stage:12} {counts['passed']:5} passed, {counts['failed']} failed, {counts['skipped']} skipped in {took_s:.1f} s", flush=True)
    path = os.path.join(ROOT, f"out/test/{build.replace('/', '-')}-{stage.replace(':', '-')}.json")
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({'stage': stage, 'build': build, 'seconds': round(took_s, 1), **counts, 'tests': [vars(r) for r in results]}, f, indent=1)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default='build/release')
    parser.add_argument('stages', nargs='+')
    arguments = parser.parse_args()
    os.makedirs(os.path.join(ROOT, 'out/test'), exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    skips = allowed_skips()
    total = {'passed': 0, 'failed': 0, 'skipped': 0}
    for stage in arguments.stages:
        print(f'== {stage} ({arguments.build})', flush=True)
        start = time.monotonic()
        results = judge(run_stage(stage, arguments.build), skips)
        for outcome, count in report(stage, results, time.monotonic() - start, arguments.build).items():
            total[outcome] += count
    skipped = f", {total['skipped']} skipped" if total['skipped'] else ''
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return 1 if total['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
