/** Step 5: four pictures, the best first; each can be seen in full size before one is taken. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Fragment, useState, type ReactNode } from 'react';
import { api, asProblem } from '../../lib/api';
import { mostAlike, smallOf, type Candidate, type Task } from '../../lib/task';
import { Button } from '../../ui/button';
import { ProblemNotice } from '../../ui/notice';
import { Picture } from '../../ui/picture';
import { PrivacyClock } from '../../ui/privacy-clock';
import { useWords } from '../../words';
import { Unlike } from './unlike';
import { Viewer, type Open } from './viewer';

/** What is said of a picture: the best, the most alike. */
export interface MarkOf { kind: 'best' | 'alike'; words: string }
export function useMarks(task: Task): (candidate: Candidate) => MarkOf[] {
  const { t } = useWords(), alike = mostAlike(task.candidates), best = task.candidates.length > 1 ? task.candidates[0]?.index : undefined;
  return candidate => [...(candidate.index === best ? [{ kind: 'best', words: t('best') } as const] : []), ...(candidate.index === alike ? [{ kind: 'alike', words: t('alike') } as const] : [])];
}

export function Grid({ task, onOpen }: { task: Task; onOpen: (n: number) => void }) {
  const { t } = useWords(), marksOf = useMarks(task);
  return (
    <ul className={`grid grid-${task.candidates.length}`}>
      {task.candidates.map((candidate, n) => {
        const marks = marksOf(candidate), label = marks.length ? t('pictureMarked', { n: n + 1, marks: marks.map(mark => mark.words).join(' ') }) : t('pictureN', { n: n + 1 });
        return (
          <li key={candidate.index}>
            <button type="button" className="grid-picture" aria-label={label} onClick={() => onOpen(n)} data-testid="candidate">
              <Picture src={smallOf(candidate)} alt="" width={candidate.width} height={candidate.height} />
              <span className="marks">{marks.map(({ kind, words }) => <Fragment key={kind}><span className={`mark-${kind}`}>{words}</span> </Fragment>)}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

export function Choosing({ task, remove }: { task: Task; remove: ReactNode }) {
  const { t } = useWords(), cache = useQueryClient(), [open, setOpen] = useState<Open | null>(null);
  const pick = useMutation({
    // one decision, one key: pressing twice, or again after a lost answer, decides once
    mutationFn: (candidate: number) => api.post('/v1/tasks/{id}/pick', { path: { id: task.id }, body: { candidate }, key: `pick-${task.id}-${candidate}` }),
    onSuccess: next => cache.setQueryData(['task', task.id], next),
  });
  return (
    <div className="width narrow">
      <h1>{t('choosing')}</h1>
      <p className="soft lead">{t('choosingText')}</p>
      {pick.error && <ProblemNotice problem={asProblem(pick.error)} />}
      <Grid task={task} onOpen={at => setOpen({ at, beside: null })} />
      <div className="under">{task.candidates.length > 1 && <Button kind="quiet" icon="compare" onClick={() => setOpen({ at: 0, beside: 1 })}>{t('compare')}</Button>}<Unlike task={task} /></div>
      <div className="under under-quiet">{task.results_until_ms !== null && <PrivacyClock until={task.results_until_ms} />}{remove}</div>
      <Viewer task={task} open={open} onOpen={setOpen} action={(candidate, n) => (
        <Button big icon={n === null ? 'check' : undefined} busy={pick.isPending} onClick={() => pick.mutate(candidate.index)}>{n !== null ? t('pickN', { n }) : pick.isPending ? t('picking') : t('pick')}</Button>
      )} />
    </div>
  );
}
