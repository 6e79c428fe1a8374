// app.js - the page: photos, background, price, then the task.
import { adoptSession, ask, onWaiting, Problem } from './net.js';
import { card, PEOPLE_MAX, Photo, ready } from './photos.js';
import { render as renderTask, showTask } from './task.js';
import { lang, reasonText, setLang, showWords, words } from './words.js';

const $ = id => document.getElementById(id);
const state = { photos: [], template: null, backdrop: null, catalogue: null, templates: [], wallet: null, starting: false, replacing: null };

// ---- notices ----
function notice(title, next = '', bad = false) {
  const box = $('notice');
  box.hidden = !title;
  box.className = bad ? 'notice bad' : 'notice';
  const strong = document.createElement('strong');
  strong.textContent = title ?? '';
  box.replaceChildren(strong, next);
  if (bad) box.scrollIntoView({ block: 'nearest' });
}
function complain(document) {
  const { title, next } = reasonText(document);
  notice(title, next ?? '', true);
}
onWaiting(text => notice(text));
window.addEventListener('offline', () => notice(words.offline));
window.addEventListener('online', () => notice(null));

// ---- step 1: photos ----
/** The box; when it is empty, that is said. Asked before a photo of any kind leaves. */
function agreed() {
  if ($('consent').checked) return true;
  notice(words.consentFirst, '', true);
  $('consent').focus();
  return false;
}

function addFiles(files) {
  if (!agreed()) return;
  notice(null);
  ready().then(loadWallet, () => {});        // each photo says itself what is wrong
  for (const file of files) {
    const photo = new Photo(file);
    const at = state.replacing ? state.photos.indexOf(state.replacing) : -1;
    if (at >= 0) state.photos.splice(at, 1, photo);
    else state.photos.push(photo);
    state.replacing = null;
    photo.send(render, $('consent').checked);
  }
  render();
}

function removePhoto(photo, { replace }) {
  if (replace && photo !== state.backdrop) {
    state.replacing = photo;
    $('files').click();
    return;
  }
  if (photo.asset) ask('DELETE', `/v1/assets/${photo.asset.id}`).catch(() => {});        // it is deleted in a day in any case
  photo.forget();
  state.photos = state.photos.filter(p => p !== photo);
  if (photo === state.backdrop) {
    state.backdrop = null;
    if (replace) $('own-file').click();
  }
  render();
}

const people = () => state.photos.flatMap(p => p.people);

function renderPhotos() {
  const focused = document.activeElement?.dataset.focus;
  const all = state.backdrop ? [...state.photos, state.backdrop] : state.photos;
  const on = { changed: render, remove: removePhoto, full: people().length >= PEOPLE_MAX };
  $('photos').replaceChildren(...all.filter(p => p !== state.backdrop).map(p => card(p, on)));
  $('own-card')?.replaceChildren(...(state.backdrop ? [card(state.backdrop, on)] : []));
  if (focused) document.querySelector(`[data-focus="${focused}"]`)?.focus();
  $('drop').classList.toggle('off', !$('consent').checked);
}

// ---- step 2: background ----
function templateChoice(value, name, picture) {
  const label = document.createElement('label');
  label.className = 'template';
  const input = document.createElement('input');
  input.type = 'radio';
  input.name = 'template';
  input.value = value;
  input.checked = state.template === value;
  input.onchange = () => {
    state.template = value;
    render();
  };
  const span = document.createElement('span');
  span.textContent = name;
  label.append(input, picture, span);
  return label;
}

function renderTemplates() {
  const box = $('templates');
  const choices = state.templates.map(t => {
    const img = document.createElement('img');
    img.src = t.thumb;
    img.alt = '';
    img.loading = 'lazy';
    return templateChoice(t.name, t.title[lang], img);
  });
  const plus = document.createElement('div');
  plus.className = 'own';
  plus.textContent = '+';
  plus.setAttribute('aria-hidden', 'true');
  const own = templateChoice('', words.own, plus);
  const file = document.createElement('input');
  file.type = 'file';
  file.id = 'own-file';
  file.accept = $('files').accept;
  file.hidden = true;
  file.onchange = () => {
    const [picture] = file.files;
    file.value = '';        // the same one can be chosen again
    if (!picture || !agreed()) return;
    state.backdrop?.forget();
    state.backdrop = new Photo(picture, 'backdrop');
    state.template = '';
    state.backdrop.send(render, $('consent').checked);
    render();
  };
  own.addEventListener('click', event => { if (event.target.tagName === 'INPUT' && !state.backdrop && agreed()) file.click(); });
  const cards = document.createElement('ul');
  cards.id = 'own-card';
  cards.className = 'photos';
  box.replaceChildren(...choices, own);
  document.querySelectorAll('#own-file, #own-card').forEach(n => n.remove());
  box.after(file, cards);
}

// ---- step 3: price and start ----
/** What keeps the button shut, or null. */
function missing() {
  if (state.photos.some(p => p.busy) || state.backdrop?.busy) return words.needWait;
  if (people().length === 0) return words.needPeople;
  if (people().length > PEOPLE_MAX) return words.tooMany(PEOPLE_MAX);
  if (state.template === null || (state.template === '' && state.backdrop?.state !== 'ready')) return words.needBackdrop;
  return null;
}

function renderPrice() {
  const recipe = state.catalogue?.items[0], lacking = missing();
  $('credits').hidden = !state.wallet;
  if (state.wallet) $('credits').textContent = words.credits(state.wallet.available);
  if (!recipe) return;
  const n = recipe.candidates_max, credits = recipe.credits * (recipe.credits_per === 'candidate' ? n : 1);
  $('summary').textContent = lacking ?? words.summary(people().length, n, credits);
  $('start').disabled = lacking !== null || state.starting;
}

let walletAsked = 0;
async function loadWallet() {
  const mine = ++walletAsked;
  const wallet = await fetch('/v1/wallet').then(r => (r.ok ? r.json() : null), () => state.wallet);      // nobody yet: nothing to show
  if (mine !== walletAsked) return;        // an answer that was overtaken is from before the credits moved
  state.wallet = wallet;
  renderPrice();
}

function showIssues(list) {
  const names = new Map(state.photos.map(p => [p.asset?.id, p.name]));
  $('issues').hidden = !list.length;
  $('issues').replaceChildren(...list.map(issue => {
    const li = document.createElement('li');
    const { title, next } = reasonText(issue);
    const files = [issue.other, issue.asset].map(id => names.get(id)).filter(Boolean).join(' + ');
    li.textContent = [files, title, next].filter(Boolean).join(lang === 'zh' ? '：' : ': ');
    return li;
  }));
}

async function start() {
  state.starting = true;
  showIssues([]);
  notice(null);
  renderPrice();
  try {
    const background = state.template === '' ? { backdrop: state.backdrop.asset.id } : { template: state.template };
    const quote = await ask('POST', '/v1/quotes', { recipe: state.catalogue.items[0].name, people: people(), ...background }, { again: true });
    const task = await ask('POST', '/v1/tasks', { quote: quote.id }, { key: quote.id });        // one quote, one task, however often it is sent
    history.pushState(null, '', `/t/${task.id}`);
    await route();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(error.document);
    showIssues(error.document.issues ?? []);
  } finally {
    state.starting = false;
    renderPrice();
  }
}

// ---- the whole ----
function render() {
  renderPhotos();
  for (const input of document.querySelectorAll('.template input')) input.checked = input.value === state.template;
  renderPrice();
}

function renderAll() {
  showWords();
  $('language').textContent = words.other;
  $('language').lang = lang === 'zh' ? 'en' : 'zh-CN';
  const product = state.catalogue?.product;
  if (product) {
    for (const node of document.querySelectorAll('[data-product]')) node.textContent = product[node.dataset.product][lang];
    document.title = product.title[lang];
  }
  renderTemplates();
  render();
  renderTask();
}

async function route() {
  const id = /^\/t\/(.+)$/.exec(location.pathname)?.[1];        // whatever it is: the server knows the words for what is no task
  $('make').hidden = Boolean(id);
  $('task').hidden = !id;
  if (id) await showTask(id, complain);
  await loadWallet();
}

$('files').onchange = event => {
  addFiles([...event.target.files]);
  event.target.value = '';
};
$('files').onclick = event => {
  if ($('consent').checked) return;
  event.preventDefault();
  addFiles([]);
};
$('consent').onchange = () => {
  notice(null);
  render();
};
for (const type of ['dragover', 'dragleave', 'drop']) $('drop').addEventListener(type, event => {
  event.preventDefault();
  $('drop').classList.toggle('over', type === 'dragover');
  if (type === 'drop') addFiles([...event.dataTransfer.files].filter(f => f.type.startsWith('image/') || /\.hei[cf]$/i.test(f.name)));
});
$('language').onclick = () => {
  setLang(lang === 'zh' ? 'en' : 'zh');
  renderAll();
};
$('start').onclick = start;
window.addEventListener('task-moved', loadWallet);
window.addEventListener('popstate', () => location.reload());

try {
  showWords();
  await adoptSession();
  [state.catalogue, { items: state.templates }] = await Promise.all([ask('GET', '/v1/recipes'), ask('GET', '/v1/templates')]);
  state.template = state.templates[0]?.name ?? null;
  renderAll();
  await route();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  complain(error.document);
}
