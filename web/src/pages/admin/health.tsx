/** /admin/health: check by check with what to do, and the numbers of the moment. */
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas } from '../../lib/api';
import type { Task } from '../../lib/task';
import { useSpan } from '../../lib/time';
import { Icon, type IconName } from '../../ui/icons';
import { Notice } from '../../ui/notice';
import { useWords } from '../../words';
import { useAdminWords } from '../../words/admin';
import { Facts, Loaded, Section, useTook } from './parts';

type Now = Schemas['AdminHealth'];

const REFRESH_MS = 5_000;
const LOOKS = { ok: ['well', 'check'], warn: ['warn', 'eye'], fail: ['fail', 'warn'] } as const satisfies Record<Now['checks'][number]['level'], readonly [string, IconName]>;

function Check({ check }: { check: Now['checks'][number] }) {
  const { t } = useAdminWords(), [word, icon] = LOOKS[check.level];
  return (
    <li className={`check check-${check.level}`}>
      <span className="check-icon"><Icon name={icon} size={18} /></span>
      <div>
        <h2>{check.name}<span className="unseen">: {t(word)}</span></h2>
        <p lang="en">{check.text}</p>
        {check.next && <p className="check-next" lang="en">→ {check.next}</p>}
      </div>
    </li>
  );
}

function Numbers({ stats }: { stats: Now['stats'] }) {
  const { t } = useAdminWords(), { locale } = useWords(), span = useSpan(), took = useTook(), share = (n: number): string => `${Math.round(n * 100)} %`;
  const n = (v: number): string => v.toLocaleString(locale), { eta } = stats;
  return (
    <Facts items={[
      [t('version'), stats.version], [t('uptime'), span(stats.uptime_s * 1000)], [t('attemptsRunning'), n(stats.attempts_running)], [t('attemptsFailed'), n(stats.attempts_failed)],
      [t('oldest'), stats.oldest_queued_ms ? took(stats.oldest_queued_ms) : t('none')], [t('connections'), n(stats.connections)], [t('streams'), n(stats.streams)],
      [t('etaCompared'), n(eta.compared)], [t('etaError'), eta.compared ? share(eta.median_error) : t('none')], [t('etaKept'), eta.compared ? share(eta.p90_kept) : t('none')],
    ]} />
  );
}

export function Health() {
  const { t } = useAdminWords(), { locale } = useWords(), asked = useQuery({ queryKey: ['admin', 'health'], queryFn: () => api.get('/v1/admin/health'), refetchInterval: REFRESH_MS });
  return (
    <Loaded asked={asked}>
      {h => (
        <>
          {!h.ok ? <Notice kind="bad" title={t('healthBad')} /> : h.checks.some(c => c.level === 'warn') ? <Notice kind="info" icon="eye" title={t('healthWarn')} />
            : <Notice kind="good" title={t('healthGood')} />}
          <ul className="checks card">{h.checks.map((c, n) => <Check key={`${c.name}-${n}`} check={c} />)}</ul>
          <Section title={t('numbers')}><Numbers stats={h.stats} /></Section>
          <Section title={t('taskNumbers')}><Facts items={Object.entries(h.stats.tasks as Record<Task['state'], number>).map(([state, n]) => [t(state as Task['state']), n.toLocaleString(locale)] as const)} /></Section>
        </>
      )}
    </Loaded>
  );
}
