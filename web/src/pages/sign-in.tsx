/** /sign-in and /sign-up: with a password, or with a link by mail. What comes back never says whether an address is known. */
import { useMutation, type UseMutationResult } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { account, keepNext, ourPath, type MailKind } from '../lib/account';
import { asProblem } from '../lib/api';
import { useOnce } from '../lib/once';
import { signedIn, useKind } from '../lib/session';
import { useTitle } from '../lib/title';
import { Button } from '../ui/button';
import { Field, PasswordField } from '../ui/field';
import { Notice, ProblemNotice } from '../ui/notice';
import { Empty } from '../ui/states';
import { useWords } from '../words';

function MailSent({ email, again, change, next }: { email: string; again: UseMutationResult<unknown, Error, void>; change: () => void; next: string }) {
  const { t } = useWords(), [, go] = useLocation(), kind = useKind(), was = useRef(kind), post = useOnce(again.mutateAsync);
  // the link was opened in another tab: this one goes on, too
  useEffect(() => keepNext(next), [next]);
  useEffect(() => { if (kind === 'person' && kind !== was.current) go(next); }, [kind, go, next]);
  return (
    <div className="width">
      <Empty icon="mail" title={t('mailTitle')} text={t('mailText', { email })}>
        {again.isError && <ProblemNotice problem={asProblem(again.error)} />}
        {again.isSuccess && <Notice kind="good" title={t('mailSentAgain')} />}
        <Button kind="quiet" busy={again.isPending} onClick={() => post()}>{t('mailAgain')}</Button>
        <Button kind="bare" onClick={change}>{t('mailChange')}</Button>
      </Empty>
    </div>
  );
}

export default function SignIn({ mode }: { mode: 'in' | 'up' }) {
  const { t, lang } = useWords(), [, go] = useLocation(), next = ourPath(new URLSearchParams(useSearch()).get('next')), up = mode === 'up';
  const [email, setEmail] = useState(''), [password, setPassword] = useState(''), [sent, setSent] = useState<MailKind | null>(null), [lacksEmail, setLacksEmail] = useState(false);
  const enter = useMutation({
    mutationFn: () => (up ? account.signUp(email, password, lang) : account.signIn(email, password)),
    onSuccess: () => {
      if (up) return setSent('confirm');
      signedIn('person');
      go(next);
    },
  });
  const mail = useMutation({ mutationFn: (kind: MailKind) => account.mail(email, kind, lang), onSuccess: (_, kind) => setSent(kind) });
  const again = useMutation({ mutationFn: () => account.mail(email, sent ?? 'confirm', lang) });
  const submitOnce = useOnce(enter.mutateAsync), post = useOnce(mail.mutateAsync);
  const change = (): void => {
    setSent(null);
    again.reset();
  };
  const ask = (kind: MailKind): void => {
    setLacksEmail(!email);
    if (email) post(kind);
  };
  useTitle(t(sent ? 'mailTitle' : up ? 'signUp' : 'signIn'));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    submitOnce();
  };
  if (sent) return <MailSent email={email} again={again} change={change} next={next} />;
  const problem = enter.error ?? mail.error, query = next === '/me' ? '' : `?next=${encodeURIComponent(next)}`;
  return (
    <div className="width">
      <form className="form card" onSubmit={submit}>
        <h1>{t(up ? 'signUp' : 'signIn')}</h1>
        <p className="soft">{t(up ? 'signUpLead' : 'signInLead')}</p>
        {problem && <ProblemNotice problem={asProblem(problem)} />}
        {lacksEmail && !email && <p className="field-wrong" role="alert">{t('emailNeeded')}</p>}
        <Field label={t('email')} type="email" name="email" autoComplete="email" inputMode="email" maxLength={254} required value={email} onValue={setEmail} />
        <PasswordField label={t('password')} name="password" autoComplete={up ? 'new-password' : 'current-password'} {...(up ? { hint: t('passwordRule') } : {})} value={password} onValue={setPassword} />
        <Button type="submit" big busy={enter.isPending}>{t(up ? 'signUp' : 'signIn')}</Button>
        <div className="form-more">
          {!up && <button type="button" className="link" onClick={() => ask('magic')}>{t('magic')}</button>}
          {!up && <button type="button" className="link" onClick={() => ask('reset')}>{t('forgot')}</button>}
          <span><span className="soft">{t(up ? 'haveAccount' : 'noAccount')}</span> <Link href={`${up ? '/sign-in' : '/sign-up'}${query}`}>{t(up ? 'signIn' : 'signUp')}</Link></span>
        </div>
      </form>
    </div>
  );
}
