/** /admin/settings: what the running server goes by, and who said so. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type Schemas } from '../../lib/api';
import { Field } from '../../ui/field';
import { Empty } from '../../ui/states';
import { useAdminWords } from '../../words/admin';
import { Badge, Loaded, Table } from './parts';

type Setting = Schemas['Setting'];

const DEFAULT = 'default';

function Value({ setting }: { setting: Setting }) {
  const { t } = useAdminWords(), text = String(setting.value);
  return text === '' ? <span className="soft">{t('emptyValue')}</span> : <code>{text}</code>;
}

export function Settings() {
  const { t } = useAdminWords(), [text, setText] = useState(''), [changed, setChanged] = useState(false);
  const asked = useQuery({ queryKey: ['admin', 'settings'], queryFn: () => api.get('/v1/admin/settings'), staleTime: 60_000 });
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (s: Setting): boolean => (!changed || s.where !== DEFAULT) && words.every(w => `${s.name} ${s.value} ${s.where} ${s.help}`.toLowerCase().includes(w));
  return (
    <>
      <p className="soft lead">{t('settingsText')}</p>
      <div className="find" role="search">
        <div className="find-text"><Field label={t('settingFind')} type="search" autoCapitalize="none" spellCheck={false} value={text} onValue={setText} data-testid="setting-find" /></div>
        <label className="tick"><input type="checkbox" checked={changed} onChange={event => setChanged(event.target.checked)} /> {t('settingsChanged')}</label>
      </div>
      <Loaded asked={asked}>
        {({ items }) => {
          const found = items.filter(fits);
          return (
            <>
              <p className="small soft numbers found" role="status">{t('settingsShown', { n: found.length, all: items.length })}</p>
              {found.length ? <Table caption={t('settings')} items={found} keyOf={s => s.name} columns={[
                { label: t('name'), first: true, of: s => <><span className="id">{s.name}</span><span className="setting-help small soft" lang="en">{s.help}</span></> },
                { label: t('value'), wide: true, of: s => <Value setting={s} /> },
                { label: t('where'), wide: true, of: s => (s.where === DEFAULT ? <span className="soft">{t('byDefault')}</span> : <Badge tone="busy">{s.where}</Badge>) },
              ]} /> : <Empty inside icon="zoomIn" title={t('settingsNone')} />}
            </>
          );
        }}
      </Loaded>
    </>
  );
}
