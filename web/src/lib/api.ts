/** The one client of the page, and what it has to say while it waits. */
import { Client, Problem, type Waiting } from '@zoetrope/client';
import { currentLang } from '../words';
import { sessionOver } from './session';

export { Problem, UNREACHABLE } from '@zoetrope/client';
export type { Reason, Schemas, Waiting, Words } from '@zoetrope/client';

let waiting: Waiting | null = null;
const hearers = new Set<() => void>();

export const waitingNow = (): Waiting | null => waiting;
export function onWaiting(hear: () => void): () => void {
  hearers.add(hear);
  return () => { hearers.delete(hear); };
}

function tell(next: Waiting | null): void {
  waiting = next;
  for (const hear of hearers) hear();
}

export let api = new Client();

/** origin: of the API, empty for where the page came from. */
export function connect(origin: string): void {
  api = new Client({ origin, lang: currentLang, onWaiting: tell, onSessionOver: sessionOver });
}

/** Anything that was thrown, as a problem with words. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem({ code: 'page', status: 0 });
}
