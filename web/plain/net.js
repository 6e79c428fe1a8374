// net.js - talking to the server: sign in as a guest when needed, wait when it is busy, say what is wrong.
import { lang, words } from './words.js';

/** What the server answered instead of what was asked: its problem document. */
export class Problem extends Error {
  constructor(document) {
    super(document.code);
    this.document = document;
  }
}

const pause = ms => new Promise(done => setTimeout(done, ms));
let say = () => {};
/** tell(text | null): shows or takes back a passing notice. */
export function onWaiting(tell) { say = tell; }

const BUSY_TRIES = 6;

/** Requests that may be repeated (GET, or with a key) are, while the server is busy or out of reach. */
export async function ask(method, path, body, { key, again = method === 'GET' || key } = {}) {
  const headers = { 'accept-language': lang };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key) headers['idempotency-key'] = key;
  for (let attempt = 1; ; attempt++) {
    let answer;
    try {
      answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      if (!again || attempt === BUSY_TRIES) throw new Problem({ code: 'unreachable', i18n: { en: { title: words.lost }, zh: { title: words.lost } } });
      say(words.lost);
      await pause(1000 * attempt);
      continue;
    }
    if ((answer.status === 503 || answer.status === 429) && attempt < BUSY_TRIES && (again || answer.status === 503)) {
      const seconds = Number(answer.headers.get('retry-after') ?? 2) * attempt;
      say(words.busy(seconds));
      await pause(seconds * 1000);
      continue;
    }
    if (attempt > 1) say(null);
    if (answer.status === 401 && path !== '/v1/sessions' && attempt === 1) {
      await signIn();
      continue;
    }
    const json = answer.headers.get('content-type')?.includes('json') ? await answer.json() : null;
    if (!answer.ok) throw new Problem(json ?? { code: String(answer.status), i18n: { en: { title: answer.statusText }, zh: { title: answer.statusText } } });
    return json;
  }
}

/** A guest's session as a cookie; an existing one is renewed. */
export async function signIn() { return ask('POST', '/v1/sessions', {}, { again: true }); }
// An access token lasts 15 minutes: whatever runs longer, such as an upload, shall not meet its end.
setInterval(() => signIn().catch(() => {}), 10 * 60 * 1000);

/**
 * On the machine that runs the demo, its account can be opened by the link that it prints: …#magic=TOKEN. Nowhere else without asking,
 * because such a link could sign a stranger in to somebody else's account and make them upload their photos there.
 */
export async function adoptSession() {
  const token = /^#magic=([\w-]{43})$/.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(null, '', location.pathname);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)) return;
  await fetch('/v1/tokens', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }) });
}

/** Sends one file, resumable; progress(0..1). Gives the upload's id. */
export function sendFile(file, progress) {
  return new Promise((done, fail) => {
    const upload = new window.tus.Upload(file, {
      endpoint: '/v1/uploads', chunkSize: 4 * 1024 * 1024, retryDelays: [500, 1000, 2000, 4000, 8000],
      metadata: { filename: file.name, filetype: file.type }, storeFingerprintForResuming: false,
      headers: { 'Accept-Language': lang },
      onProgress: (sent, all) => progress(sent / all),
      onSuccess: () => done(new URL(upload.url, location.href).pathname.split('/').pop()),
      onError: error => {
        let document;
        try { document = JSON.parse(error.originalResponse.getBody()); } catch { document = { code: 'unreachable', i18n: { en: { title: words.lost }, zh: { title: words.lost } } }; }
        fail(new Problem(document));
      },
    });
    upload.start();
  });
}
