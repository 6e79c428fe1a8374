/** An invoice for what was paid: asked for here, written by a person, and here is what became of it. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { api, asProblem } from '../../lib/api';
import { useMe } from '../../lib/session';
import { newKey, type Order } from '../../lib/shop';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

const invoiceable = (o: Order): boolean => o.state === 'paid' && o.price_minor > 0 && o.refunded_minor < o.price_minor;

function Said({ order }: { order: Order }) {
  const { t } = useShopWords(), { invoice } = order;
  if (!invoice) return null;
  if (invoice.state === 'sent') return <Notice kind="good" title={t('invoiceSent', { email: invoice.email })} next={invoice.note} />;
  if (invoice.state === 'refused') return <Notice kind="bad" title={t('invoiceRefused')} next={invoice.note} />;
  return <Notice kind="info" icon="clock" title={t('invoiceAsked')} next={t('invoiceAskedText', { email: invoice.email, title: invoice.title })} />;
}

function Ask({ order }: { order: Order }) {
  const { t } = useShopWords(), me = useMe(), cache = useQueryClient(), was = order.invoice, [open, setOpen] = useState(false), key = useRef('');
  const [title, setTitle] = useState(was?.title ?? ''), [tax, setTax] = useState(was?.tax_no ?? ''), [email, setEmail] = useState(was?.email ?? me?.email ?? '');
  const ask = useMutation({
    mutationFn: () => api.post('/v1/orders/{id}/invoice', { path: { id: order.id }, body: { title: title.trim(), tax_no: tax.trim(), email: email.trim() }, key: key.current }),
    onSuccess: now => {
      cache.setQueryData(['order', order.id], now);
      setOpen(false);
    },
  });
  const begin = (): void => {
    key.current = newKey();
    ask.reset();
    setEmail(now => now || (me?.email ?? ''));
    setOpen(true);
  };
  const change = (set: (value: string) => void) => (value: string): void => {
    key.current = newKey();        // other words are another wish
    set(value);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <>
      <Button kind="quiet" data-testid="invoice-ask" onClick={begin}>{t(was ? 'invoiceChange' : 'invoiceAsk')}</Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={t('invoiceAsk')} text={t('invoiceText')}
        actions={<><Button kind="quiet" onClick={() => setOpen(false)}>{t('invoiceLeave')}</Button><Button type="submit" form="invoice" busy={ask.isPending} disabled={!title.trim() || !email.trim()}>{t('invoiceDo')}</Button></>}>
        <form id="invoice" onSubmit={submit}>
          <Field label={t('invoiceTitle')} hint={t('invoiceTitleHint')} name="title" autoComplete="organization" maxLength={60} value={title} onValue={change(setTitle)} />
          <Field label={t('invoiceTax')} hint={t('invoiceTaxHint')} name="tax" autoComplete="off" maxLength={64} value={tax} onValue={change(setTax)} />
          <Field label={t('invoiceEmail')} type="email" name="invoice-email" autoComplete="email" inputMode="email" maxLength={254} value={email} onValue={change(setEmail)} />
        </form>
        {ask.error && <ProblemNotice problem={asProblem(ask.error)} />}
      </Dialog>
    </>
  );
}

export function Invoice({ order }: { order: Order }) {
  const { t } = useShopWords(), can = invoiceable(order) && order.invoice?.state !== 'sent';
  if (!can && !order.invoice) return null;
  return (
    <section className="invoice" aria-labelledby="invoice-head">
      <h2 id="invoice-head">{t('invoice')}</h2>
      <Said order={order} />
      {can && <Ask order={order} />}
    </section>
  );
}
