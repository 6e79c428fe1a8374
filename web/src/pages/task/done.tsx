/** The picture in hand: save it, share it, keep it, or have it deleted. */
import { useState, type ReactNode } from 'react';
import { useMe } from '../../lib/session';
import { content, smallOf, type Task } from '../../lib/task';
import { daysIn, useDate } from '../../lib/time';
import { Button, ButtonLink } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { Picture } from '../../ui/picture';
import { PrivacyClock } from '../../ui/privacy-clock';
import { useWords } from '../../words';
import { Grid } from './choosing';
import { Save } from './save';
import { Share } from './share';
import { Viewer, type Open } from './viewer';

function Keep() {
  const { t } = useWords(), me = useMe();
  if (me?.kind !== 'guest') return null;
  return (
    <aside className="keep card">
      <Icon name="mail" size={28} />
      <div><h2>{t('keepTitle')}</h2><p className="soft">{t('keepText')}</p><ButtonLink href="/sign-up" kind="quiet">{t('keepDo')}</ButtonLink></div>
    </aside>
  );
}

/** What was not picked is not lost. */
function All({ task, onOpen }: { task: Task; onOpen: (n: number) => void }) {
  const { t } = useWords(), date = useDate(), all = task.candidates;
  if (all.length < 2 || task.results_until_ms === null) return null;
  return (
    <section className="all">
      <ul>
        {all.map((candidate, n) => {
          const picked = candidate.index === task.picked, label = t('pictureN', { n: n + 1 });
          return <li key={candidate.index}><button type="button" className={`grid-picture ${picked ? 'all-picked' : ''}`} aria-label={picked ? `${label}: ${t('picked')}` : label} onClick={() => onOpen(n)}><Picture src={smallOf(candidate)} alt="" width={candidate.width} height={candidate.height} /></button></li>;
        })}
      </ul>
      <p className="small soft">{t('keptAll', { count: all.length, date: date(task.results_until_ms) })}</p>
    </section>
  );
}

export function Done({ task, remove }: { task: Task; remove: ReactNode }) {
  const { t } = useWords(), [open, setOpen] = useState<Open | null>(null), [sharing, setSharing] = useState<string | null>(null);
  const at = task.candidates.findIndex(c => c.index === task.picked), picked = task.candidates[at];
  const days = task.results_until_ms === null ? 0 : daysIn(task.results_until_ms - Date.now());
  return (
    <div className="width narrow">
      <h1>{t('done')}</h1>
      <p className="soft lead">{picked ? t('doneText', { days }) : t('doneAllText')}</p>
      {picked ? (
        <button type="button" className="result-picture" aria-label={`${t('picked')}: ${t('zoomIn')}`} onClick={() => setOpen({ at, beside: null })}><Picture src={content(picked.asset)} alt="" width={picked.width} height={picked.height} data-testid="picked" /></button>
      ) : <Grid task={task} onOpen={n => setOpen({ at: n, beside: null })} />}
      {picked && (
        <div className="result-acts">
          <Save asset={picked.asset} icon="download">{t('download')}</Save>
          <Button kind="quiet" big icon="share" onClick={() => setSharing(picked.asset)}>{t('share')}</Button>
        </div>
      )}
      {picked && <All task={task} onOpen={n => setOpen({ at: n, beside: null })} />}
      <Keep />
      <div className="under under-quiet">{task.results_until_ms !== null && <PrivacyClock until={task.results_until_ms} />}{remove}</div>
      <div className="under"><ButtonLink href="/new" kind="quiet" icon="plus">{t('another')}</ButtonLink></div>
      <Viewer task={task} open={open} onOpen={setOpen} action={(candidate, n) => (
        <Save key={candidate.asset} asset={candidate.asset} icon={n === null ? 'download' : undefined}>{n === null ? t('download') : t('downloadN', { n })}</Save>
      )} />
      {sharing && <Share asset={sharing} open onClose={() => setSharing(null)} />}
    </div>
  );
}
