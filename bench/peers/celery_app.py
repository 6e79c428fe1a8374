"""Celery with a Redis broker and result store that fsync every write. Started by rows/tasks.mjs; settings come from CELERY_BENCH as JSON.

As a program: celery_app.py produce - for every number N that it reads, sends N jobs one by one, says "added";
              celery_app.py victim  - sends the job that never ends, once.
"""
import json
import os
import sys
import time

from celery import Celery

SETTINGS = json.loads(os.environ['CELERY_BENCH'])
app = Celery('bench', broker=SETTINGS['redis'] + '/0', backend=SETTINGS['redis'] + '/1')
app.conf.update(task_acks_late=True, worker_hijack_root_logger=False, broker_connection_retry=True, **SETTINGS.get('conf', {}))


@app.task(name='noop')
def noop(n):
    return n


@app.task(name='victim', bind=True)
def victim(self):
    with open(SETTINGS['log'], 'a', encoding='ascii') as f:
        f.write(f'{os.getpid()} {time.time() * 1000:.0f}\n')
    time.sleep(10_000)


if __name__ == '__main__':
    if sys.argv[1] == 'victim':
        victim.delay()
        sys.exit()
    noop.delay(0).get(timeout=60)
    print('ready', flush=True)
    for line in sys.stdin:
        for i in range(int(line)):
            noop.delay(i)
        print('added', flush=True)
