/** /admin/storage: the disk, what is on it, and what is deleted next. */
import { useQuery } from '@tanstack/react-query';
import { api, type Schemas } from '../../lib/api';
import { Notice } from '../../ui/notice';
import { useWords } from '../../words';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { Facts, Loaded, Section, Table, useBytes, When } from './parts';

type Stored = Schemas['AdminStorage'];

const REFRESH_MS = 15_000;
const CLASSES = { original: 'original', work: 'work', result: 'result', public: 'public' } as const satisfies Record<Stored['classes'][number]['class'], AdminKey>;

/** The reserve is the end of what is free: when the free part is shorter than it, new work is refused. */
function Disk({ disk }: { disk: Stored['disk'] }) {
  const { t } = useAdminWords(), bytes = useBytes(), used = disk.total - disk.free, reserve = Math.min(disk.reserve, disk.total), low = disk.free < disk.reserve;
  const part = (n: number): string => `${disk.total ? (n / disk.total) * 100 : 0}%`;
  return (
    <Section title={t('disk')}>
      {low && <Notice kind="bad" title={t('diskLow')} next={t('diskLowNext')} />}
      <div className="disk card">
        <p className="disk-words numbers">{t('diskWords', { free: bytes(disk.free), total: bytes(disk.total) })}</p>
        <div className={`disk-bar ${low ? 'disk-low' : ''}`} role="img" aria-label={t('diskWords', { free: bytes(disk.free), total: bytes(disk.total) })}>
          <span className="disk-used" style={{ width: part(used) }} /><span className="disk-reserve" style={{ width: part(reserve) }} />
        </div>
        <ul className="disk-key small numbers">
          <li><span className="key key-used" aria-hidden="true" />{t('diskUsed')} {bytes(used)}</li>
          <li><span className="key key-free" aria-hidden="true" />{t('diskFree')} {bytes(disk.free)}</li>
          <li><span className="key key-reserve" aria-hidden="true" />{t('diskReserve')} {bytes(disk.reserve)}</li>
        </ul>
      </div>
    </Section>
  );
}

function Classes({ stored }: { stored: Stored }) {
  const { t } = useAdminWords(), { locale } = useWords(), bytes = useBytes();
  const rows = [...stored.classes.map(c => ({ key: c.class as string, name: t(CLASSES[c.class]), files: c.files, bytes: c.bytes, due: c.next_due_ms })),
    { key: 'uploads', name: t('uploads'), files: stored.uploads.n, bytes: stored.uploads.bytes, due: stored.uploads.next_due_ms }];
  return (
    <Section title={t('stored')}>
      <Table caption={t('stored')} items={rows} keyOf={r => r.key} columns={[
        { label: t('classOf'), first: true, of: r => r.name },
        { label: t('files'), number: true, of: r => r.files.toLocaleString(locale) },
        { label: t('bytes'), number: true, of: r => bytes(r.bytes) },
        { label: t('nextDue'), of: r => r.due && <When ms={r.due} /> },
      ]} />
    </Section>
  );
}

export function Storage() {
  const { t } = useAdminWords(), bytes = useBytes();
  const asked = useQuery({ queryKey: ['admin', 'storage'], queryFn: () => api.get('/v1/admin/storage'), refetchInterval: REFRESH_MS });
  return (
    <Loaded asked={asked}>
      {s => (
        <>
          <Disk disk={s.disk} />
          <Classes stored={s} />
          <Section title={t('dueTitle')}>
            <Facts items={[
              [t('dueFirst'), s.oldest_due_ms ? <When ms={s.oldest_due_ms} /> : t('dueNothing')], [t('dueHour'), t('dueFiles', { count: s.due.hour })],
              [t('dueDay'), t('dueFiles', { count: s.due.day })], [t('dueBytes'), bytes(s.due.day_bytes)],
            ]} />
          </Section>
        </>
      )}
    </Loaded>
  );
}
