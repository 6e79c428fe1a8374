// fastify.mjs - Fastify with the same two answers: one out of memory, one out of SQLite (better-sqlite3). One process, as Node runs.
// usage: node fastify.mjs CATALOGUE DATABASE     says "ready PORT"
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import Fastify from 'fastify';

const [, , catalogue, database] = process.argv;
const answer = readFileSync(catalogue);
const etag = `"${createHash('md5').update(answer).digest('hex')}"`;
const db = new Database(database, { readonly: true });
const session = db.prepare('SELECT account FROM session WHERE token_sha = ? AND ended_ms = 0');
const task = db.prepare('SELECT * FROM task WHERE id = ? AND account = ?');
const people = db.prepare('SELECT asset, face FROM task_person WHERE task = ? ORDER BY ix');
const candidates = db.prepare('SELECT * FROM candidate WHERE task = ? ORDER BY score_pm DESC');

const app = Fastify({ logger: false });
app.get('/v1/recipes', (req, reply) => reply.header('content-type', 'application/json').header('etag', etag).header('cache-control', 'public, max-age=60').send(answer));

const text = { type: 'string' }, number = { type: 'number' }, flag = { type: 'boolean' };
const maybe = type => ({ type, nullable: true });
const object = properties => ({ type: 'object', properties });
const list = items => ({ type: 'array', items });
const schema = object({             // so that Fastify's compiled serialiser is used, as its documents advise
  id: text, again_of: maybe('string'), recipe: text, template: text, backdrop: maybe('string'), people: list(object({ asset: text, face: number })), state: text,
  place: maybe('number'), eta_ms: maybe('number'), eta_p90_ms: maybe('number'), progress_pm: number, asked: number, delivered: number, picked: maybe('number'),
  credits: object({ price: number, held: number, captured: number, released: number, given_free: flag }),
  candidates: list(object({ index: number, asset: text, thumb: text, width: number, height: number, seed: number, score_pm: number,
    scores: object({ faces: number, people: number, identity_min: number, margin_min: number, score: number, ok: flag, failed: list(text) }) })),
  error: maybe('string'), created_ms: number, started_ms: number, ended_ms: number, deadline_ms: maybe('number'), choose_until_ms: number, results_until_ms: number, seq: number,
});

app.get('/v1/tasks/:id', { schema: { response: { 200: schema } } }, (req, reply) => {
  const token = req.headers.authorization?.slice('Bearer '.length) ?? '';
  const who = session.get(createHash('sha256').update(token).digest('hex'));
  const t = who && task.get(req.params.id, who.account);
  if (!t) return reply.code(who ? 404 : 401).send({});
  reply.header('cache-control', 'no-store').send({
    id: t.id, again_of: t.again_of, recipe: t.recipe, template: t.template, backdrop: t.backdrop, people: people.all(t.id), state: t.state, place: null, eta_ms: null, eta_p90_ms: null,
    progress_pm: t.progress_pm, asked: t.asked, delivered: t.delivered, picked: t.picked,
    credits: { price: t.price, held: t.held, captured: t.captured, released: t.released, given_free: t.given_free === 1 },
    candidates: candidates.all(t.id).map(c => ({ index: c.ix, asset: c.asset, thumb: c.thumb, width: c.width, height: c.height, seed: c.seed, score_pm: c.score_pm, scores: JSON.parse(c.scores) })),
    error: t.error, created_ms: t.created_ms, started_ms: t.started_ms, ended_ms: t.ended_ms, deadline_ms: t.deadline_ms, choose_until_ms: t.choose_until_ms,
    results_until_ms: t.results_until_ms, seq: t.seq,
  });
});

await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready ${app.server.address().port}`);
