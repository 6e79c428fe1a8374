/** /admin/invoices: who wants an invoice for what, and what became of it. Written elsewhere; here is said that it was sent, or why not. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { newKey, useMoney } from '../../lib/shop';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field, Select } from '../../ui/field';
import { ProblemNotice } from '../../ui/notice';
import { Empty } from '../../ui/states';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { Badge, Loaded, More, Table, usePages, When, type Tone } from './parts';

type Invoice = Schemas['AdminInvoice'];

const REFRESH_MS = 10_000, NOTE_MAX = 120;
const STATES: Record<Invoice['state'], [AdminKey, Tone]> = { asked: ['invoiceAsked', 'wait'], sent: ['invoiceSent', 'good'], refused: ['invoiceRefused', 'calm'] };

function Decide({ it }: { it: Invoice }) {
  const { t } = useAdminWords(), cache = useQueryClient(), [sent, setSent] = useState<boolean | null>(null), [note, setNote] = useState(''), key = useRef('');
  const end = useMutation({
    mutationFn: (was: boolean) => api.post('/v1/admin/orders/{id}/invoice', { path: { id: it.order }, body: { sent: was, note: note.trim() }, key: key.current }),
    onSuccess: () => {
      setSent(null);
      void cache.invalidateQueries({ queryKey: ['admin'] });
    },
  });
  const ask = (was: boolean): void => {
    key.current = newKey();
    end.reset();
    setNote('');
    setSent(was);
  };
  const act = t(sent ? 'invoiceSend' : 'invoiceRefuse');
  return (
    <div className="deeds">
      <Button kind="quiet" onClick={() => ask(true)}>{t('invoiceSend')}</Button>
      <Button kind="bare" onClick={() => ask(false)}>{t('invoiceRefuse')}</Button>
      <Dialog open={sent !== null} onClose={() => setSent(null)} title={act} text={t(sent ? 'invoiceSendText' : 'invoiceRefuseText', { email: it.email })}
        actions={<><Button kind="quiet" onClick={() => setSent(null)}>{t('keep')}</Button><Button busy={end.isPending} disabled={!note.trim()} onClick={() => sent !== null && end.mutate(sent)}>{act}</Button></>}>
        <Field label={t(sent ? 'invoiceNumber' : 'refundWhy')} hint={t('invoiceNoteHint')} name="note" autoComplete="off" maxLength={NOTE_MAX} value={note} onValue={setNote} />
        {end.error && <ProblemNotice problem={asProblem(end.error)} />}
      </Dialog>
    </div>
  );
}

export function Invoices() {
  const { t } = useAdminWords(), money = useMoney(), [at, go] = useLocation(), state = new URLSearchParams(useSearch()).get('state') ?? 'asked';
  const list = usePages(['invoices', state], cursor => api.get('/v1/admin/invoices', { query: { state, limit: 50, ...(cursor ? { cursor } : {}) } }), REFRESH_MS);
  const choose = (next: string): void => go(next === 'asked' ? at : `${at}?state=${next}`, { replace: true });
  return (
    <>
      <p className="soft lead">{t('invoicesText')}</p>
      <div className="find"><Select label={t('state')} value={state} onValue={choose}>{(Object.keys(STATES) as Invoice['state'][]).map(s => <option key={s} value={s}>{t(STATES[s][0])}</option>)}</Select></div>
      <Loaded asked={list}>
        {items => (items.length ? (
          <>
            <Table caption={t('invoices')} items={items} keyOf={i => i.id} columns={[
              { label: t('invoiceFor'), first: true, of: i => <>{i.title}{[i.tax_no, i.email].filter(Boolean).map(line => <div key={line} className="small soft numbers">{line}</div>)}</> },
              { label: t('state'), of: i => <Badge tone={STATES[i.state][1]}>{t(STATES[i.state][0])}</Badge> },
              { label: t('amount'), number: true, of: i => money(i.price_minor - i.refunded_minor, i.currency) },
              { label: t('invoiceWhat'), wide: true, of: i => <>{i.what}<div className="id">{i.order}</div></> },
              { label: t('account'), of: i => <Link href={`/admin/accounts/${i.account}`} className="id">{i.account}</Link> },
              { label: t('linePaid'), of: i => <When ms={i.paid_ms} /> },
              state === 'asked' ? { label: t('decide'), wide: true, of: i => <Decide it={i} /> } : { label: t('invoiceNote'), wide: true, of: i => i.note || null },
            ]} /><More list={list} />
          </>
        ) : <Empty inside icon="mail" title={t(state === 'asked' ? 'invoicesNone' : 'invoicesNoMatch')} />)}
      </Loaded>
    </>
  );
}
