/** Sending one file so that a broken connection loses nothing (tus 1.0). A chunk of its own: nobody needs it before the first photo. */
import { Upload, type DetailedError } from 'tus-js-client';
import { api, Problem } from './api';
import { currentLang } from '../words';

const PART = 4 << 20, RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/** The id of the upload. progress: 0..1. */
export function sendFile(file: Blob, name: string, progress: (share: number) => void): Promise<string> {
  return new Promise((done, fail) => {
    const upload = new Upload(file as File, {
      endpoint: api.url('/v1/uploads'), chunkSize: PART, retryDelays: RETRY_MS, storeFingerprintForResuming: false,
      metadata: { filename: name, filetype: file.type }, headers: { 'Accept-Language': currentLang() },
      onBeforeRequest: request => {
        const xhr = request.getUnderlyingObject() as XMLHttpRequest;
        xhr.withCredentials = api.origin !== '';
      },
      onProgress: (sent, all) => progress(all ? sent / all : 0),
      onSuccess: () => done(new URL(upload.url ?? '', location.href).pathname.split('/').pop() ?? ''),
      onError: error => {
        const answer = (error as DetailedError).originalResponse;
        fail(answer ? Problem.from(answer.getBody(), answer.getStatus()) : Problem.unreachable());
      },
    });
    upload.start();
  });
}
