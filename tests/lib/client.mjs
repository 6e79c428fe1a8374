// client.mjs - the API as a person's program would use it.
//
//   const c = await Client.guest(server.url);
//   const photo = await c.photo('people.jpg');            // upload (tus) + intake
//   const quote = await c.quote({ people: [{ asset: photo.id, face: 0 }], template: 'hall' });
//   const task = await c.buy(quote);                      // POST /v1/tasks with a fresh Idempotency-Key
//   const done = await c.waitTask(task.id);               // follows the events until the task stops moving
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { within } from './server.mjs';

/** An answer that was not what the caller asked for. */
export class Problem extends Error {
  constructor(method, path, answer) {
    super(`${method} ${path}: ${answer.status} ${answer.text}`);
    Object.assign(this, { status: answer.status, code: answer.json?.code, answer });
  }
}

export class Client {
  constructor(url, token = null) {
    this.url = url;
    this.token = token;
    this.lang = 'en';
  }

  /** A new guest with its welcome credits. */
  static async guest(url) {
    const c = new Client(url);
    const session = await c.post('/v1/sessions', {});
    c.take(session);
    return c;
  }

  /** The tokens of a Session. */
  take(session) {
    this.token = session.token;
    this.refresh = session.refresh ?? this.refresh;
    this.expires = session.expires_ms;
    this.account = session.account;
    this.session = session.session;
    return session;
  }

  /** New tokens for the refresh token. A request whose access token has ended, by the server's clock, does it by itself. */
  async renew() {
    this.expires = Infinity;
    return this.take(await this.post('/v1/sessions/refresh', { refresh: this.refresh }, { headers: { authorization: null } }));
  }

  /** Whether the access token had ended, by the server's clock, and there is a new one. */
  async #renewed() {
    if (!this.refresh) return false;
    // asked anew: the answer that said 401 bears the time at which its turn of the loop began, and a test's clock may have jumped since
    const now = Date.parse((await fetch(`${this.url}/healthz`)).headers.get('date'));
    return now >= this.expires - 1000 && await this.renew().then(() => true, () => false);
  }

  /** Any request; never throws for a status; a header of null is not sent. { status, headers, text, json, bytes } */
  async send(method, path, { json, body, headers = {}, signal } = {}) {
    const h = { 'accept-language': this.lang, ...headers };
    const ours = this.token && !('authorization' in h);
    if (ours) h.authorization = `Bearer ${this.token}`;
    if (json !== undefined) { h['content-type'] ??= 'application/json'; body = JSON.stringify(json); }
    for (const name in h) if (h[name] === null) delete h[name];
    const res = await fetch(this.url + path, { method, headers: h, body, signal, redirect: 'manual' });
    const bytes = Buffer.from(await res.arrayBuffer());
    const answer = { status: res.status, headers: res.headers, bytes, text: bytes.toString('utf8'), json: undefined };
    if (res.status === 401 && ours && await this.#renewed())
      return this.send(method, path, { body, headers, signal, ...(json !== undefined && { json }) });
    if (bytes.length && /json/.test(res.headers.get('content-type') ?? '')) answer.json = JSON.parse(answer.text);
    return answer;
  }

  async #good(method, path, options) {
    const answer = await this.send(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new Problem(method, path, answer);
    return answer.json ?? answer.bytes;
  }
  get(path, options) { return this.#good('GET', path, options); }
  post(path, json, options = {}) { return this.#good('POST', path, { json, ...options }); }
  put(path, json, options = {}) { return this.#good('PUT', path, { json, ...options }); }
  patch(path, json, options = {}) { return this.#good('PATCH', path, { json, ...options }); }
  delete(path, options) { return this.#good('DELETE', path, options); }
  /** POST with a fresh Idempotency-Key, or the given one. */
  effect(path, json, key = randomUUID()) { return this.post(path, json, { headers: { 'idempotency-key': key } }); }

  /** Sends bytes by tus 1.0 in parts; gives the upload's id. */
  async upload(bytes, { name = 'photo.jpg', type = 'image/jpeg', part = 4 << 20 } = {}) {
    const b64 = s => Buffer.from(s).toString('base64');
    const tus = { 'tus-resumable': '1.0.0' };
    const made = await this.send('POST', '/v1/uploads', { headers: { ...tus, 'upload-length': String(bytes.length),
      'upload-metadata': `filename ${b64(name)},filetype ${b64(type)}` } });
    if (made.status !== 201) throw new Problem('POST', '/v1/uploads', made);
    const path = new URL(made.headers.get('location'), this.url).pathname;
    for (let offset = 0; offset < bytes.length; offset += part) {
      const sent = await this.send('PATCH', path, { body: bytes.subarray(offset, offset + part),
        headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' } });
      if (sent.status !== 204) throw new Problem('PATCH', path, sent);
    }
    return path.split('/').pop();
  }

  /** Upload + intake of one photo (a path or bytes): the asset with its verdicts. */
  async photo(file, { purpose = 'people', consent = true, ...how } = {}) {
    const bytes = typeof file === 'string' ? await readFile(file) : file;
    const upload = await this.upload(bytes, { name: typeof file === 'string' ? basename(file) : 'photo.jpg', ...how });
    return this.post('/v1/assets', { upload, purpose, consent });
  }

  /** input: { people: [{asset, face}], template | backdrop, candidates? } */
  quote(input) { return this.post('/v1/quotes', { recipe: 'family-portrait', ...input }); }
  buy(quote, key) { return this.effect('/v1/tasks', { quote: quote.id }, key); }
  task(id) { return this.get(`/v1/tasks/${id}`); }
  pick(id, candidate, key) { return this.effect(`/v1/tasks/${id}/pick`, { candidate }, key); }
  cancel(id, key) { return this.effect(`/v1/tasks/${id}/cancel`, {}, key); }
  /** {available, held}; of at most 100 lots it was seen that they are all of it. */
  async wallet() {
    const { lots, ...wallet } = await this.get('/v1/wallet');
    if (lots.length < 100) assert.equal(lots.reduce((sum, l) => sum + l.credits, 0), wallet.available);
    return wallet;
  }

  /** Server-sent events as { id, event, data } until the stream ends or the loop is left. */
  async *events(path, { after, signal } = {}) {
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${this.token}` };
    if (after !== undefined) headers['last-event-id'] = String(after);
    const stop = new AbortController();
    const res = await fetch(this.url + path, { headers, signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal });
    if (res.status === 401 && await this.#renewed()) {
      yield* this.events(path, { after, signal });
      return;
    }
    if (res.status !== 200) throw new Problem('GET', path, { status: res.status, text: await res.text() });
    let rest = '';
    try {
      for await (const chunk of res.body.pipeThrough(new TextDecoderStream())) {
        const frames = (rest + chunk).split('\n\n');
        rest = frames.pop();
        for (const frame of frames) {
          const e = { id: undefined, event: 'message', data: '' };
          for (const line of frame.split('\n')) {
            const m = /^(id|event|data): ?(.*)$/.exec(line);
            if (m) e[m[1]] = m[1] === 'data' ? e.data + m[2] : m[2];
          }
          if (e.data) yield { ...e, data: JSON.parse(e.data) };
        }
      }
    } finally { stop.abort(); }
  }

  /** The task as soon as it is in one of the states; by default those in which it stops moving by itself. */
  waitTask(id, states = ['choosing', 'done', 'failed', 'cancelled'], ms = 180_000) {
    const stop = new AbortController();
    const look = async () => {
      for (;;) {
        let task = await this.task(id);
        if (states.includes(task.state)) return task;
        for await (const _ of this.events(`/v1/tasks/${id}/events`, { signal: stop.signal })) {
          task = await this.task(id);
          if (states.includes(task.state)) return task;
        }
      }
    };
    return within(ms, look(), () => `task ${id} did not reach ${states} within ${ms} ms`).finally(() => stop.abort());
  }
}
