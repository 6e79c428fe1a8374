"""FastAPI on uvicorn (uvloop, httptools) with the same two answers, each as `async def` and as `def`; SQLite by the standard module.

usage: fastapi_app.py CATALOGUE DATABASE PORT. One process. JSONResponse is returned directly, which spares FastAPI its slow encoder.
"""
import hashlib
import json
import sqlite3
import sys
import threading

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

CATALOGUE, DATABASE, PORT = sys.argv[1:4]
with open(CATALOGUE, 'rb') as f:
    ANSWER = f.read()
HEADERS = {'etag': '"' + hashlib.md5(ANSWER).hexdigest() + '"', 'cache-control': 'public, max-age=60'}
app = FastAPI(openapi_url=None)
local = threading.local()


def database():
    """One connection a thread."""
    if not hasattr(local, 'db'):
        local.db = sqlite3.connect(f'file:{DATABASE}?mode=ro', uri=True, isolation_level=None, cached_statements=64)
        local.db.row_factory = sqlite3.Row
    return local.db


def catalogue():
    return Response(ANSWER, media_type='application/json', headers=HEADERS)


def task(request, task_id):
    token = request.headers.get('authorization', '')[len('Bearer '):]
    db = database()
    who = db.execute('SELECT account FROM session WHERE token_sha = ? AND ended_ms = 0', (hashlib.sha256(token.encode()).hexdigest(),)).fetchone()
    t = who and db.execute('SELECT * FROM task WHERE id = ? AND account = ?', (task_id, who['account'])).fetchone()
    if not t:
        return JSONResponse({}, status_code=404 if who else 401)
    people = db.execute('SELECT asset, face FROM task_person WHERE task = ? ORDER BY ix', (task_id,)).fetchall()
    candidates = db.execute('SELECT * FROM candidate WHERE task = ? ORDER BY score_pm DESC', (task_id,)).fetchall()
    return JSONResponse({
        'id': t['id'], 'again_of': t['again_of'], 'recipe': t['recipe'], 'template': t['template'], 'backdrop': t['backdrop'],
        'people': [{'asset': p['asset'], 'face': p['face']} for p in people], 'state': t['state'], 'place': None, 'eta_ms': None, 'eta_p90_ms': None,
        'progress_pm': t['progress_pm'], 'asked': t['asked'], 'delivered': t['delivered'], 'picked': t['picked'],
        'credits': {'price': t['price'], 'held': t['held'], 'captured': t['captured'], 'released': t['released'], 'given_free': t['given_free'] == 1},
        'candidates': [{'index': c['ix'], 'asset': c['asset'], 'thumb': c['thumb'], 'width': c['width'], 'height': c['height'], 'seed': c['seed'],
                        'score_pm': c['score_pm'], 'scores': json.loads(c['scores'])} for c in candidates],
        'error': t['error'], 'created_ms': t['created_ms'], 'started_ms': t['started_ms'], 'ended_ms': t['ended_ms'], 'deadline_ms': t['deadline_ms'],
        'choose_until_ms': t['choose_until_ms'], 'results_until_ms': t['results_until_ms'], 'seq': t['seq'],
    }, headers={'cache-control': 'no-store'})


@app.get('/async/v1/recipes')
async def catalogue_async():
    return catalogue()


@app.get('/def/v1/recipes')
def catalogue_def():
    return catalogue()


@app.get('/async/v1/tasks/{task_id}')
async def task_async(request: Request, task_id: str):
    return task(request, task_id)


@app.get('/def/v1/tasks/{task_id}')
def task_def(request: Request, task_id: str):
    return task(request, task_id)


uvicorn.run(app, host='127.0.0.1', port=int(PORT), loop='uvloop', http='httptools', access_log=False, log_level='warning', backlog=2048)
