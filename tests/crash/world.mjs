// world.mjs - one data folder with one person in it, and a server that dies at the n-th hit of a failpoint and comes again.
//
// How it dies:  kill    kill -9: the kernel keeps what was written
//               power   the power goes: what comes again is the mirror that forget.so kept, where only synced bytes and names are
// A scenario speaks to the server through w.call(): an answer that did not come because the server died is asked for again, of the next life.
import assert from 'node:assert/strict';
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../lib/client.mjs';
import { linkOf } from '../lib/people.mjs';
import { root, runZoetrope, startServer, tempDir, within } from '../lib/server.mjs';

export const release = process.env.ZOETROPE_BIN ?? join(root, 'build/release/zoetrope');
const forget = join(root, 'build/release/tests/crash/forget.so');
const slow = Number(process.env.ZOETROPE_SLOW ?? 1);
export const CASE_MS = 20_000 * slow;
/** Between two looks at what is not so yet: more of them would only keep the processor from it. */
export const LOOK_MS = 5;
/** The same in each life, whatever port it has: it stands in tokens, and in what a provider is asked. */
const own = { ZOETROPE_PUBLIC_URL: 'https://photo.example.com' };
const PHOTO = join(root, 'build/deps/samples/girl-919048_1280.jpg');

/** What every world begins with: somebody with an account, who has a photo. Made once, copied often. */
export async function makeTemplate(dir) {
  const server = await startServer(null, { dataDir: dir, bin: release, env: own, args: ['--product.guest_credits=1000000'] });
  try {
    const client = await Client.guest(server.url), email = 'ann@example.com';
    await client.post('/v1/accounts', { email, password: 'a long sentence of mine' });
    client.take(await client.post('/v1/tokens', { token: (await linkOf(new Client(server.url, server.operatorToken()), email, 'confirm')).split('=')[1] }));
    const photo = await client.photo(PHOTO);
    return { dir, person: { token: client.token, refresh: client.refresh, expires: client.expires, account: client.account, session: client.session }, photo: photo.id };
  } finally {
    await server.stop();
  }
}

export class World {
  lives = 0; deaths = 0; offset = 0;

  /** how: kill | power; args, env: of the server; provider: what outlives it, { sim, … } (pay.mjs). */
  constructor(template, { how, args = [], env = {}, bin = release, provider }) {
    Object.assign(this, { how, args, env, bin, provider });
    this.box = tempDir('zt-crash-');
    this.data = join(this.box, 'data0');
    this.spec = join(this.box, 'failpoint');
    this.clock = join(this.box, 'clock');
    this.forward(0);
    cpSync(template.dir, this.data, { recursive: true });
    this.client = Object.assign(new Client(''), template.person);
    this.photo = template.photo;
  }

  async end() {
    this.ended = true;
    await this.reviving?.catch(() => {});
    await this.server?.kill();
    rmSync(this.box, { recursive: true, force: true });
    await this.provider?.sim.close();
  }

  /** The clock of the server and of the provider: time passes. */
  forward(ms) {
    this.offset += ms;
    writeFileSync(`${this.clock}.new`, String(this.offset));
    renameSync(`${this.clock}.new`, this.clock);
  }

  get mirror() { return join(this.box, `mirror${this.lives}`); }

  async start(spec = '') {
    writeFileSync(this.spec, spec);
    this.lives++;
    const env = { ...own, ZOETROPE_FAILPOINT_FILE: this.spec, ZOETROPE_CLOCK_OFFSET_FILE: this.clock, LD_PRELOAD: forget, ...(this.how === 'power' && { ZOETROPE_FORGET: `${this.data}:${this.mirror}` }), ...this.env, ...this.provider?.env };
    this.server = await startServer(null, { dataDir: this.data, bin: this.bin, env, args: ['--media.helper=/nowhere', ...this.args] });
    this.client.url = this.server.url;
    if (!this.provider) return;
    const { sim } = this.provider;
    sim.notifyUrl = `${this.server.url}/v1/hooks/${this.provider.name}`;
    for (const n of sim.notices) n.url = sim.notifyUrl;             // what is said again is said to this life
  }

  /** After a death: what the disk holds then, and the next life on it. */
  async revive(spec = '') {
    const { code, signal } = await within(CASE_MS, this.server.exited, () => `no answer came, and the server lives:\n${this.server.tail()}`);
    assert.equal(signal, 'SIGKILL', `the server ended by itself (code ${code}, signal ${signal}):\n${this.server.tail()}`);
    for (;;) {
      this.deaths++;
      if (this.how === 'power') this.#cut();
      try {
        return await this.start(spec);
      } catch (error) {
        if (!spec || error.exitCode !== null) throw error;      // else it was to die, and did so before it was ready
        spec = '';
      }
    }
  }
  #cut() {
    const next = join(this.box, `data${this.lives}`);
    rmSync(join(this.mirror, '.files'), { recursive: true });
    renameSync(this.mirror, next);
    rmSync(this.data, { recursive: true });
    this.data = next;
  }

  /** The n-th hit from now on is the last one; n = 0: all are listed. */
  async arm(n) { await this.#set(n ? `*=kill:after=${n - 1}` : '*=list'); }
  async #set(spec) {
    const count = () => this.server.log.filter(l => l.ev === 'failpoint.set').length, before = count();
    writeFileSync(this.spec, spec);
    this.server.proc.kill('SIGUSR2');
    await this.server.waitLog(() => count() > before);
  }
  /** True when the server still lives, and will not be killed any more. */
  async disarm() { return Promise.race([this.server.exited.then(() => false), this.#set('').then(() => true)]); }

  /** What ask() gives, in whatever life there is an answer. An answer that is an error is one. */
  async call(ask) {
    for (;;) {
      const server = this.server;
      assert.ok(!this.ended, 'the world has ended');
      try {
        return await ask(this.client);
      } catch (error) {
        if (error.status || error instanceof assert.AssertionError || error instanceof TypeError && !error.cause && error.message !== 'terminated') throw error;
        this.reviving ??= this.next(server).finally(() => { this.reviving = null; });
        await this.reviving;
      }
    }
  }
  async next(server) { if (server === this.server) await this.revive(this.nextSpec?.() ?? ''); }

  /** Time passes, and the server has seen it. */
  async pass(ms) {
    this.forward(ms);
    const want = Date.now() + this.offset - 5000;
    await this.call(async c => { while (Date.parse((await fetch(`${c.url}/healthz`)).headers.get('date')) < want) await pause(2 * LOOK_MS); });
  }

  /** Asks until it is good; step(i) is what happens meanwhile. Now and then time passes: what is due by the clock comes then. */
  async until(ask, good, step) {
    for (let i = 1; ; i++) {
      const seen = await this.call(ask);
      if (good(seen)) return seen;
      await step?.(i);
      if (i % 10 === 0) await this.pass(20_000);
      await pause(i > 2 ? LOOK_MS : 0);
    }
  }

  /** The same request twice at once, with one key: both answers, which must be one. */
  async twice(ask) {
    const [a, b] = await Promise.all([this.call(ask), this.call(ask)]);
    assert.equal(a.id, b.id, 'one key had two effects');
    return b;
  }

  rows(sql, ...args) {
    const db = new DatabaseSync(join(this.data, 'zoetrope.db'), { readOnly: true });
    try { return db.prepare(sql).all(...args); } finally { db.close(); }
  }

  async verify() {
    const { code, stdout, stderr } = await runZoetrope(['verify', '--deep'], { bin: this.bin, env: { ZOETROPE_DATA: this.data } });
    assert.equal(code, 0, `verify: ${stdout}${stderr}`);
  }

  /** One case: the scenario, a death at hit n (0: none), its end, the sums, verify. { met, deaths, at, hits } */
  async play(scenario, n) {
    const before = this.deaths;
    if (this.client.expires < Date.now() + this.offset + 600_000) await this.client.renew();       // not in the middle of it
    const state = await scenario.before?.(this);
    await this.arm(n);
    const server = this.server, from = server.log.length;
    await within(CASE_MS, scenario.run(this, state), () => `the scenario did not come to its end:\n${this.server.tail()}`);
    if (!await this.disarm()) await this.revive();
    await within(CASE_MS, scenario.check(this, state), () => `the check did not end:\n${this.server.tail()}`);
    await this.verify();
    const hits = server.log.slice(from).filter(l => l.ev === 'failpoint.hit').map(l => l.at);
    assert.ok(n || this.deaths === before, 'nobody killed it');
    return { met: this.deaths > before, deaths: this.deaths - before, at: hits.at(-1), hits };
  }
}
