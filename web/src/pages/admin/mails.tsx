/** /admin/mails: what was written to whom. A mail is shown as text, never as HTML: it is somebody else's words and holds links that sign in. */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, type Schemas } from '../../lib/api';
import { useDate } from '../../lib/time';
import { Icon } from '../../ui/icons';
import { Notice } from '../../ui/notice';
import { Empty } from '../../ui/states';
import { useAdminWords } from '../../words/admin';
import { Badge, CopyButton, Facts, Loaded, More, Table, usePages, When, type Tone } from './parts';

type Letter = Schemas['Mail'];

const REFRESH_MS = 5_000;
const STATES = { queued: ['mailQueued', 'wait'], sent: ['mailSent', 'good'], failed: ['mailFailed', 'bad'], kept: ['mailKept', 'calm'] } as const satisfies Record<Letter['state'], readonly [string, Tone]>;

function State({ state }: { state: Letter['state'] }) {
  const { t } = useAdminWords();
  return <Badge tone={STATES[state][1]}>{t(STATES[state][0])}</Badge>;
}

export function Mails() {
  const { t } = useAdminWords(), list = usePages(['mails'], cursor => api.get('/v1/admin/mails', { query: { limit: 50, ...(cursor ? { cursor } : {}) } }), REFRESH_MS);
  return (
    <>
      <p className="soft lead">{t('mailsText')}</p>
      <Loaded asked={list}>
        {items => (items.length ? (
          <>
            <Table caption={t('mails')} items={items} keyOf={m => m.id} columns={[
              { label: t('subject'), first: true, of: m => <Link href={`/admin/mails/${m.id}`} className="id subject">{m.subject}</Link> },
              { label: t('to'), wide: true, of: m => m.to },
              { label: t('state'), of: m => <State state={m.state} /> },
              { label: t('tries'), number: true, of: m => m.tries },
              { label: t('created'), of: m => <When ms={m.created_ms} /> },
              { label: t('error'), wide: true, of: m => (m.error ? <span className="error-words">{m.error}</span> : null) },
            ]} /><More list={list} />
          </>
        ) : <Empty inside icon="mail" title={t('mailsNone')} />)}
      </Loaded>
    </>
  );
}

/** Only what begins with http: nothing else becomes a link. */
function WithLinks({ text }: { text: string }) {
  return <>{text.split(/(https?:\/\/[^\s<>"]+)/).map((part, n) => (n % 2 ? <a key={n} href={part} target="_blank" rel="noreferrer noopener">{part}</a> : part))}</>;
}

function Shown({ mail }: { mail: Letter }) {
  const { t } = useAdminWords(), date = useDate(), text = mail.text ?? '', link = /https?:\/\/[^\s<>"]+#[^\s<>"]+/.exec(text)?.[0];
  return (
    <>
      <div className="one-top"><h2>{mail.subject}</h2><State state={mail.state} /></div>
      {mail.error && <Notice kind="bad" title={mail.error} />}
      <Facts long items={[[t('to'), mail.to], [t('created'), date(mail.created_ms)], [t('tries'), mail.tries]]} />
      {link && <Notice kind="info" icon="mail" title={t('mailLink')} next={t('mailLinkWarn')}><CopyButton text={link} label={'mailCopyLink'} /></Notice>}
      {text ? <pre className="letter card" data-testid="letter"><WithLinks text={text} /></pre> : <p className="soft lead">{t('mailErased')}</p>}
    </>
  );
}

export function Mail({ id }: { id: string }) {
  const { t } = useAdminWords(), mail = useQuery({ queryKey: ['admin', 'mail', id], queryFn: () => api.get('/v1/admin/mails/{id}', { path: { id } }) });
  return (
    <>
      <Link href="/admin/mails" className="back-link"><Icon name="back" size={18} /> {t('backTo')}</Link>
      <Loaded asked={mail}>{data => <Shown mail={data} />}</Loaded>
    </>
  );
}
