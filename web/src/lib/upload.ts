/** Sending one file so that a broken connection loses nothing (tus 1.0). A chunk of its own: nobody needs it before the first photo. */
import { Upload, type DetailedError } from 'tus-js-client';
import { api, asProblem, Problem } from './api';
import { sessionOver } from './session';
import { currentLang } from '../words';

const PART = 4 << 20, RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];

const STORAGE_FULL = 'storage_full';

function problemOf(error: Error | DetailedError): Problem {
  const answer = (error as DetailedError).originalResponse, after = Number(answer?.getHeader('Retry-After') ?? NaN);
  return answer ? Problem.from(answer.getBody(), answer.getStatus(), Number.isFinite(after) ? after : null) : Problem.unreachable();
}

/** After a 401: is this still the account that began (go on), a new guest (begin anew), or nobody (the Problem is thrown)? */
async function revive(refused: Problem): Promise<'goOn' | 'anew'> {
  try {
    await api.renew();
    return 'goOn';
  } catch (error) {
    const problem = asProblem(error);
    if (problem.status === 0 || problem.status >= 500) throw problem;        // nobody said that it is over
    if (await sessionOver()) return 'anew';
    throw refused;
  }
}

/** The id of the upload. progress: 0..1; gone: the photo was taken away. */
export function sendFile(file: Blob, name: string, progress: (share: number) => void, gone: AbortSignal): Promise<string> {
  return new Promise((done, fail) => {
    let revived = false;
    const make = (): Upload => new Upload(file as File, {
      endpoint: api.url('/v1/uploads'), chunkSize: PART, retryDelays: RETRY_MS, storeFingerprintForResuming: false,
      metadata: { filename: name, filetype: file.type }, headers: { 'Accept-Language': currentLang() },
      onBeforeRequest: request => {
        const xhr = request.getUnderlyingObject() as XMLHttpRequest;
        xhr.withCredentials = api.origin !== '';
      },
      onShouldRetry: error => {
        const { status, code } = problemOf(error);
        return navigator.onLine && (status < 400 || status === 409 || status === 423 || status >= 500) && code !== STORAGE_FULL;
      },
      onProgress: (sent, all) => progress(all ? sent / all : 0),
      onChunkComplete: () => { revived = false; },        // it was let in: the next end is another one
      onSuccess: () => {
        gone.removeEventListener('abort', stop);        // the server ends it when the photo is made of it
        done(new URL(upload.url ?? '', location.href).pathname.split('/').pop() ?? '');
      },
      onError: error => {
        const problem = problemOf(error);
        if (problem.status !== 401 || revived) return fail(problem);
        revived = true;
        revive(problem).then(how => {
          if (gone.aborted) return;
          if (how === 'anew') upload = make();
          upload.start();
        }).catch(fail);
      },
    });
    let upload = make();
    const stop = (): void => {
      upload.abort(upload.url !== null).catch(() => {});        // what is left of it dies by itself
      fail(Problem.unreachable());
    };
    gone.addEventListener('abort', stop);
    upload.start();
  });
}
