// task.js - one task: its progress as it happens, the pictures, the pick. The address /t/{task} is all it needs to be found again.
import { ask, Problem } from './net.js';
import { lang, reasonText, when, words } from './words.js';

const $ = id => document.getElementById(id);
const WORKING = ['queued', 'preparing', 'running', 'checking'];
let task = null, stream = null, chosen = null, deleting = 'no', tell = () => {};

/** id: "task_…"; complain(problem document): shows what went wrong. */
export async function showTask(id, complain) {
  tell = complain;
  stream?.close();
  task = await ask('GET', `/v1/tasks/${id}`);
  chosen = null;
  deleting = 'no';
  $('results').dataset.of = '';
  render();
  $('task-title').focus();
  if (!['done', 'failed', 'cancelled'].includes(task.state)) follow(id);
}

/** The stream only says that something happened; the truth is read again. EventSource resumes by itself after a lost connection. */
function follow(id) {
  let reading = false, again = false;
  const look = async () => {
    if (reading) { again = true; return; }
    reading = true;
    do {
      again = false;
      try { task = await ask('GET', `/v1/tasks/${id}`); } catch (error) { complainOf(error); }
      render();
    } while (again);
    reading = false;
    if (['done', 'failed', 'cancelled'].includes(task.state)) stream.close();
  };
  stream = new EventSource(`/v1/tasks/${id}/events`);
  stream.addEventListener('state', look);
  stream.addEventListener('progress', event => {
    const { progress_pm } = JSON.parse(event.data);
    task.progress_pm = Math.max(task.progress_pm ?? 0, progress_pm);
    if (WORKING.includes(task.state)) renderBar();
  });
}

function complainOf(error) {
  if (!(error instanceof Problem)) throw error;
  tell(error.document);
}

function renderBar() {
  const percent = Math.round((task.progress_pm ?? 0) / 10);
  $('bar').firstElementChild.style.width = `${Math.max(2, percent)}%`;
  $('bar').setAttribute('aria-valuenow', percent);
  $('bar').setAttribute('aria-label', words.states[task.state]);
  const parts = [];
  if (task.place > 1) parts.push(words.place(task.place - 1));
  if (task.eta_ms > 0) parts.push(words.eta(task.eta_ms / 1000));
  $('place').textContent = parts.join(lang === 'zh' ? '，' : ', ');
}

let shown = null;
export function render() {
  if (!task) return;
  if (shown !== `${task.id} ${task.state}`) window.dispatchEvent(new Event('task-moved'));      // credits move with it
  shown = `${task.id} ${task.state}`;
  const working = WORKING.includes(task.state), choosing = task.state === 'choosing', done = task.state === 'done';
  const picked = done && task.picked !== null ? task.candidates.find(c => c.index === task.picked) : null;
  $('task').hidden = false;
  $('make').hidden = true;
  $('task-title').textContent = words.states[task.state];
  $('task-lead').textContent = words.leads[task.state];
  if (task.state === 'failed' && task.error) {
    const why = reasonText(task.error);
    $('task-lead').textContent = [why.title, why.next].filter(Boolean).join(lang === 'zh' ? '' : ' ');
  }
  $('working').hidden = !working;
  if (working) renderBar();
  const empty = (choosing || done) && task.candidates.length === 0;
  if (empty || deleting === 'done') {
    $('task-title').textContent = words.deletedTitle;
    $('task-lead').textContent = words.deleted;
  }
  $('results').hidden = empty || !(choosing || (done && !picked));
  if (!$('results').hidden) renderResults();
  const large = picked ?? chosen;
  $('picked').hidden = !large;
  if (large) {
    $('picked-image').src = `/v1/assets/${large.asset}/content`;
    $('picked-image').alt = picked ? words.states.done : words.result(task.candidates.indexOf(large) + 1);
  }
  const download = picked ?? (done ? chosen : null);
  $('actions').hidden = working;
  $('pick').hidden = !choosing || empty;
  $('delete').hidden = empty || deleting === 'done';
  $('delete').textContent = deleting === 'asked' ? words.deleteSure : words.deleteNow;
  $('pick').disabled = !chosen;
  $('download').hidden = !download;
  if (download) $('download').href = `/v1/assets/${download.asset}/content?download=1`;
  $('clock').textContent = task.results_until_ms && (choosing || done) && !empty ? words.deletedAt(when(task.results_until_ms)) : '';
}

function renderResults() {
  const box = $('results');
  if (box.dataset.of === `${task.id} ${task.candidates.length} ${lang}`) return;        // keeps focus and scrolling where they are
  box.dataset.of = `${task.id} ${task.candidates.length} ${lang}`;
  box.setAttribute('aria-label', words.states.choosing);
  box.replaceChildren(...task.candidates.map((c, n) => {
    const label = document.createElement('label');
    label.className = 'result';
    const input = document.createElement('input');
    input.type = 'radio';
    input.name = 'candidate';
    input.setAttribute('aria-label', n === 0 ? `${words.result(n + 1)} (${words.best})` : words.result(n + 1));
    input.checked = chosen?.index === c.index;
    input.onchange = () => {
      chosen = c;
      render();
    };
    const img = document.createElement('img');
    img.alt = '';
    img.src = `/v1/assets/${c.thumb ?? c.asset}/content`;
    label.append(img, input);
    if (n === 0) {
      const best = document.createElement('em');
      best.textContent = words.best;
      label.append(best);
    }
    return label;
  }));
}

async function act(path, body, key) {
  try {
    task = await ask('POST', `/v1/tasks/${task.id}/${path}`, body, { key });
    render();
  } catch (error) { complainOf(error); }
}
// One decision, one key: pressing twice, or again after a lost answer, decides once.
$('pick').onclick = () => act('pick', { candidate: chosen.index }, `pick-${task.id}-${chosen.index}`);
$('cancel').onclick = () => act('cancel', {}, `cancel-${task.id}`);
// Asked once more, then the pictures and the photos they were made of go; what is gone already is as good.
$('delete').onclick = async () => {
  if (deleting !== 'asked') {
    deleting = 'asked';
    render();
    return;
  }
  const ids = [...task.candidates.map(c => c.asset), ...task.people.map(p => p.asset), ...(task.backdrop ? [task.backdrop] : [])];
  try {
    for (const id of new Set(ids)) {
      await ask('DELETE', `/v1/assets/${id}`, undefined, { again: true }).catch(error => {
        if (error.document?.code !== 'not_found') throw error;
      });
    }
    deleting = 'done';
    chosen = null;
    task = await ask('GET', `/v1/tasks/${task.id}`);
  } catch (error) {
    deleting = 'no';
    complainOf(error);
  }
  render();
};
