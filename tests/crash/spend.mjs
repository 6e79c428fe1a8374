// spend.mjs - credits are spent: quote, task, choice. The engine costs money, and may not be asked for the same thing twice.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

// `lost`, at a call that never comes: a provider that is asked about a call whose id was lost with us says that there was none.
const LOST = 'lost@1000000000';
const engine = script => ['--engine.use=fake_remote', `--engine.fake_script=${script}; ${LOST}`, '--task.ask=20ms'];

const before = async w => ({ wallet: await w.client.wallet(), tasks: w.rows('SELECT COUNT(*) AS n FROM task')[0].n, key: randomUUID(), pick: randomUUID() });

async function buy(w, state, once) {
  state.quote = await w.call(c => c.quote({ people: [{ asset: w.photo, face: 0 }], template: 'ivory', candidates: 1 }));
  state.task = await once(c => c.buy(state.quote, state.key));
  return w.call(c => c.waitTask(state.task.id));
}

/** The sums, and that what was told stays told: the same key still means the same task. */
async function settled(w, state, { paid }) {
  const c = w.client, again = await c.buy(state.quote, state.key);
  assert.equal(again.id, state.task.id, 'the key was forgotten');
  assert.deepEqual(await c.wallet(), { available: state.wallet.available - paid, held: state.wallet.held });
  assert.equal(w.rows('SELECT COUNT(*) AS n FROM task')[0].n, state.tasks + 1, 'one task');
  const list = w.rows('SELECT op, ix, state FROM attempt WHERE task_id = (SELECT MAX(id) FROM task)');
  assert.ok(list.every(a => !['intent', 'submitted', 'fetching'].includes(a.state)), JSON.stringify(list));
  const stored = list.filter(a => a.state === 'stored').map(a => `${a.op} ${a.ix}`);
  assert.equal(new Set(stored).size, stored.length, `stored twice: ${stored}`);
}

async function delivered(w, state, once) {
  const task = await buy(w, state, once);
  assert.equal(task.state, 'choosing', JSON.stringify(task.error));
  assert.equal((await once(c => c.pick(task.id, task.candidates[0].index, state.pick))).state, 'done');
}
const paid = (w, state) => settled(w, state, { paid: state.quote.credits });

export default {
  name: 'spend',
  outcomes: {
    success: { args: engine('compose.judged'), before, run: (w, s) => delivered(w, s, ask => w.call(ask)), check: paid },
    failure: {
      args: engine('compose.refused'), before,
      async run(w, state) { assert.equal((await buy(w, state, ask => w.call(ask))).state, 'failed'); },
      check: (w, state) => settled(w, state, { paid: 0 }),
    },
    /* nobody knows what became of the call; asked later, it is done */
    'time-out': { args: engine('compose.judged; compose.late=30'), before, run: (w, s) => delivered(w, s, ask => w.call(ask)), check: paid },
    duplicate: { args: engine('compose.judged'), before, run: (w, s) => delivered(w, s, ask => w.twice(ask)), check: paid },
  },
};
