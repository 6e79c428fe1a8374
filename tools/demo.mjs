// demo.mjs - the main job on real photographs through the real server: people photographed apart become one family portrait.
//
//   node tools/demo.mjs            one set of people on one background -> demo-out/
//   node tools/demo.mjs --all      every set on every background       -> demo-out/all/ (what a person should look at before a release)
//   node tools/demo.mjs --out=DIR  into another folder than demo-out/
//
// The server runs on a free port with the data folder that `./run serve` opens afterwards ($ZOETROPE_DATA, default ./data).
// Exit code: 0 all pictures made; 1 something failed (said); 3 the server is already running on this data.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startServer, root } from '../tests/lib/server.mjs';
import { Client } from '../tests/lib/client.mjs';

const samples = join(root, 'build/deps/samples');
const person = (file, pick = 'largest') => ({ file: join(samples, file), pick });
const girl = person('girl-919048_1280.jpg'), selfie = person('woman-5883428_1280.jpg');

// Who joins: a photo and which face of it ('largest', or the number counted from the left).
const sets = {
  three: [girl, person('sample6.jpg', 0), selfie],
  couple: [selfie, girl],
  five: [person('sample6.jpg', 0), person('sample6.jpg', 1), girl, selfie, person('sample6.jpg', 3)],
  group: [person('sample6.jpg', 0), person('sample6.jpg', 1), person('sample6.jpg', 2), person('sample6.jpg', 3)],
  alone: [person('sample5.jpg', 4)],
};
const out = resolve(process.argv.find(a => a.startsWith('--out='))?.slice(6) ?? join(root, 'demo-out'));
const data = resolve(process.env.ZOETROPE_DATA ?? join(root, 'data'));

const say = text => process.stdout.write(text + '\n');

/** Where `./run serve` will be found by a browser on this machine: by ZOETROPE_PUBLIC_URL, else the first of ZOETROPE_LISTEN that is no socket file. */
function serveUrl() {
  const { ZOETROPE_PUBLIC_URL: url, ZOETROPE_LISTEN: listen } = process.env;
  if (url) return url.replace(/\/$/, '');
  const at = listen?.split(',').map(a => a.trim()).find(a => a && !a.startsWith('unix:')) ?? '127.0.0.1:8080';
  return `http://${at.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, '127.0.0.1')}`;
}

/** The index of the face meant by `pick`, among those the server found. */
function faceOf(photo, pick) {
  const faces = photo.faces ?? [];
  if (!faces.length) throw new Error(`no face found in ${photo.id}: ${JSON.stringify(photo)}`);
  if (pick !== 'largest') return pick;
  return faces.reduce((best, f, i) => (f.size_px > faces[best].size_px ? i : best), 0);
}

/** Uploads each photo once for this client, then gives [{asset, face}]. */
async function invite(client, people, uploaded) {
  const list = [];
  for (const p of people) {
    if (!uploaded.has(p.file)) {
      uploaded.set(p.file, await client.photo(p.file));
      say(`  photo    ${p.file.split('/').pop()}: ${uploaded.get(p.file).faces.length} face(s)`);
    }
    const photo = uploaded.get(p.file);
    list.push({ asset: photo.id, face: faceOf(photo, p.pick) });
  }
  return list;
}

/** Follows a task to its end, saying each step once. */
async function watch(client, id) {
  let last = '';
  for await (const { data } of client.events(`/v1/tasks/${id}/events`)) {
    const now = data.state ?? last;
    if (now !== last) say(`  state    ${now}`);
    last = now;
    if (['choosing', 'done', 'failed', 'cancelled'].includes(now)) break;
  }
  return client.waitTask(id);
}

/** One task from photos to picked picture. Returns the result record; files are written to `dir`. */
async function portrait(client, people, template, dir, uploaded) {
  const began = Date.now();
  const quote = await client.quote({ people: await invite(client, people, uploaded), template, candidates: 4 });
  say(`  price    ${quote.credits} credits for four candidates`);
  const task = await watch(client, (await client.buy(quote)).id);
  if (task.state !== 'choosing') throw new Error(`the task ended as ${task.state}: ${JSON.stringify(task.error)}`);
  const seconds = (Date.now() - began) / 1000;
  mkdirSync(dir, { recursive: true });
  const candidates = [];
  for (const [i, c] of task.candidates.entries()) {
    const file = `candidate-${i + 1}.jpg`;
    writeFileSync(join(dir, file), await client.get(`/v1/assets/${c.asset}/content`));
    const s = c.scores;
    candidates.push({ file, width: c.width, height: c.height, faces: s.faces, identity_min: s.identity_min, margin_min: s.margin_min, score: s.score });
  }
  await client.pick(task.id, task.candidates[0].index);
  writeFileSync(join(dir, 'pick.jpg'), await client.get(`/v1/assets/${task.candidates[0].asset}/content`));
  contactSheet(dir, candidates.map(c => c.file));
  return { task: task.id, people: people.length, template, candidates, picked: candidates[0].file, motion: null, swap: null, seconds };
}

/** All candidates on one sheet. */
function contactSheet(dir, files) {
  execFileSync(join(root, 'build/release/src/media/zoetrope-sheet'), [join(dir, 'contact-sheet.jpg'), ...files.map(f => join(dir, f))]);
}

async function main() {
  const all = process.argv.includes('--all');
  process.env.ZOETROPE_BIN ??= join(root, 'build/release/zoetrope');
  say('Starting the server ...');
  const server = await startServer(null, { dataDir: data, args: ['--product.guest_credits=100000'] });
  try {
    rmSync(out, { recursive: true, force: true });       // only now: a demo that cannot begin leaves the last one's pictures alone
    mkdirSync(out, { recursive: true });
    const client = await Client.guest(server.url), uploaded = new Map();
    if (!all) {
      say('Three people, photographed apart, in one hall:');
      const result = await portrait(client, sets.three, 'hall', out, uploaded);
      writeFileSync(join(out, 'result.json'), JSON.stringify({ ...result, task: undefined }, null, 2) + '\n');
      say(`Four candidates in ${result.seconds.toFixed(1)} s, the best one first:`);
      for (const c of result.candidates)
        say(`  ${c.file}  ${c.width}x${c.height}  faces ${c.faces}  likeness >= ${c.identity_min.toFixed(2)}  score ${c.score.toFixed(2)}`);
      const { token } = await client.post('/v1/me/link', {}), link = `${serveUrl()}/t/${result.task}#magic=${token}`;
      writeFileSync(join(out, 'open.txt'), `${link}\n`, { mode: 0o600 });
      say(`\nLook at ${out}/pick.jpg and ${out}/contact-sheet.jpg.`);
      say(`To see it in the page: ./run serve, then open  ${link}  (once, within 24 hours)`);
    } else {
      const records = [];
      for (const [name, people] of Object.entries(sets))
        for (const { name: template } of (await client.get('/v1/templates')).items) {
          say(`${name} in ${template}:`);
          records.push({ set: name, ...await portrait(client, people, template, join(out, 'all', `${name}-${template}`), uploaded) });
        }
      writeFileSync(join(out, 'all', 'results.json'), JSON.stringify(records, null, 2) + '\n');
    }
  } finally {
    const { code } = await server.stop();
    if (code !== 0) process.exitCode = 1;
  }
  say('The server has stopped; nothing is left running.');
}

if (!existsSync(samples)) {
  say('The sample photos are missing: run ./run setup first.');
  process.exit(1);
}
main().catch(e => {
  process.exitCode = e.exitCode === 3 ? 3 : 1;
  if (e.exitCode !== 3) return say(`demo: ${e.message}`);
  say(`A server is running on ${data} already, and two cannot share it. Nothing was changed. Either`);
  say('  - stop it (Ctrl-C where it runs) and start the demo again, or');
  say('  - give the demo a folder of its own:  ZOETROPE_DATA=$(mktemp -d) ./run demo');
});
