/** A code: worth credits or a plan in the wallet, less to pay at the payment. */
import { useMutation } from '@tanstack/react-query';
import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { api, asProblem, type Problem } from '../../lib/api';
import { newKey, useMoved } from '../../lib/shop';
import { Button, ButtonLink } from '../../ui/button';
import { Field } from '../../ui/field';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useShopWords } from '../../words/shop';

const CODE_MAX = 64;

interface Props { hint: string; act: string; first?: string; busy: boolean; problem: Problem | null; onCode: (code: string) => void; children?: ReactNode }

/** Folded away: few have one. */
export function CodeForm({ hint, act, first = '', busy, problem, onCode, children }: Props) {
  const { t } = useShopWords(), [code, setCode] = useState(first);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (code.trim()) onCode(code.trim());
  };
  return (
    <details className="code-part" open={first !== '' || undefined}>
      <summary>{t('codeHave')}</summary>
      <form onSubmit={submit}>
        <Field label={t('code')} hint={hint} name="code" autoCapitalize="characters" autoComplete="off" spellCheck={false} maxLength={CODE_MAX} value={code} onValue={setCode} />
        <Button type="submit" kind="quiet" busy={busy}>{act}</Button>
      </form>
      {problem && <ProblemNotice problem={problem} />}
      {children}
    </details>
  );
}

export function Redeem() {
  const { t } = useShopWords(), moved = useMoved(), key = useRef({ code: '', key: '' });
  const redeem = useMutation({
    mutationFn: (code: string) => {
      if (key.current.code !== code) key.current = { code, key: newKey() };        // the same code pressed again is the same wish
      return api.post('/v1/codes/redeem', { body: { code }, key: key.current.key });
    },
    onSuccess: moved,
  });
  const got = redeem.data;
  return (
    <CodeForm hint={t('codeHint')} act={t('codeRedeem')} busy={redeem.isPending} problem={redeem.error && asProblem(redeem.error)} onCode={code => redeem.mutate(code)}>
      {got && <Notice kind="good" title={t('codeGot')} next={got.credits > 0 ? t('codeCredits', { count: got.credits }) : undefined}>{got.order && <ButtonLink kind="quiet" href={`/orders/${got.order}`}>{t('entryReceipt')}</ButtonLink>}</Notice>}
    </CodeForm>
  );
}
