/** /auth#confirm=…, #reset=…, #magic=…: where the links in mails lead. The token stands behind '#', so that no log or Referer has it. */
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { account, takeNext, type MailKind } from '../lib/account';
import { asProblem, type Problem } from '../lib/api';
import { useOnce } from '../lib/once';
import { signedIn, useKind } from '../lib/session';
import { useTitle } from '../lib/title';
import { Button, ButtonLink } from '../ui/button';
import { PasswordField } from '../ui/field';
import { Notice, ProblemNotice, useProblemWords } from '../ui/notice';
import { Empty, PageSkeleton } from '../ui/states';
import { useWords, type Key } from '../words';

const WORDS: Record<MailKind, [Key, Key]> = {
  confirm: ['authConfirmed', 'authConfirmedText'], magic: ['authSignedIn', 'authSignedInText'], reset: ['authResetDone', 'authResetDoneText'],
};

function readToken(): { kind: MailKind; token: string } | null {
  const found = /^#(confirm|reset|magic)=([\w-]{16,512})$/.exec(location.hash);
  return found?.[1] && found[2] ? { kind: found[1] as MailKind, token: found[2] } : null;
}

/** A link that works no more: to whoever is here already, it hardly matters. */
function Over({ problem }: { problem: Problem }) {
  const { t } = useWords(), { title, next } = useProblemWords()(problem), here = useKind() === 'person';
  return (
    <div className="width">
      <Empty icon="mail" title={title} text={here ? t('authHere') : next}>
        {here && <ButtonLink href="/me">{t('toPictures')}</ButtonLink>}
        <ButtonLink href="/sign-in" kind={here ? 'bare' : 'primary'}>{t('authAgain')}</ButtonLink>
      </Empty>
    </div>
  );
}

export default function Auth() {
  const { t } = useWords(), [link] = useState(readToken), [password, setPassword] = useState(''), [next, setNext] = useState('/me'), begun = useRef(false);
  const use = useMutation({
    mutationFn: (how: { password?: string; accept?: true }) => account.useToken(link?.token ?? '', how),
    onSuccess: ({ account_kind }) => {
      setNext(takeNext());
      signedIn(account_kind === 'guest' ? 'guest' : 'person');
    },
  });
  const send = useOnce(use.mutateAsync);
  // a new password is typed only where it can be saved: asked without one, a link that works is not used up
  const look = useMutation({ mutationFn: () => account.useToken(link?.token ?? '') });
  useTitle(t(!link ? 'authNothing' : link.kind === 'reset' ? 'authReset' : use.isSuccess ? WORDS[link.kind][0] : 'authTitle'));
  useEffect(() => {
    if (!link || begun.current) return;
    begun.current = true;        // a token works once: never sent twice, also not by React's strict mode
    history.replaceState(null, '', '/auth');
    if (link.kind === 'reset') look.mutate();
    else use.mutate({});
  }, [link, use, look]);

  if (!link) return <div className="width"><Empty icon="mail" title={t('authNothing')} text={t('authNothingText')}><ButtonLink href="/sign-in">{t('authAgain')}</ButtonLink></Empty></div>;
  if (use.isSuccess) {
    const [title, text] = WORDS[link.kind];
    return <div className="width"><Empty icon="check" title={t(title)} text={t(text)}><ButtonLink href={next} big>{t(next === '/me' ? 'toPictures' : 'authGoOn')}</ButtonLink></Empty></div>;
  }
  const problem = use.error && asProblem(use.error), whose = problem?.code === 'accept_asked' ? problem.document.detail ?? '' : null;
  if (whose !== null || use.variables?.accept) {
    const name = whose?.includes('@') ? t('authSignInAs', { who: whose }) : t('authOpenHere');
    const failed = problem && whose === null;
    return (
      <div className="width">
        <Empty icon="mail" title={t('authAsk')} text={t('authAskText')}>
          {failed ? <ProblemNotice problem={problem} /> : <Button big busy={use.isPending} onClick={() => send({ accept: true })}>{name}</Button>}
          <ButtonLink href="/" kind="quiet">{t('authLeave')}</ButtonLink>
        </Empty>
      </div>
    );
  }
  const dead = [use.error, look.error].map(error => error && asProblem(error)).find(p => p?.code === 'token_over');
  const asked = link.kind === 'confirm' && problem && ['password_asked', 'sign_in_wrong'].includes(problem.code);
  const over = dead ?? (link.kind !== 'reset' && !asked ? problem : null);
  if (over?.code === 'token_over') return <Over problem={over} />;
  if (over) return <div className="width narrow"><ProblemNotice problem={over}><ButtonLink href="/sign-in" kind="quiet">{t('authAgain')}</ButtonLink></ProblemNotice></div>;
  if (link.kind === 'reset' ? look.isIdle || look.isPending : !(asked || password)) return <><h1 className="unseen">{t('authTitle')}</h1><PageSkeleton /></>;
  const reset = link.kind === 'reset';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send({ password });
  };
  return (
    <div className="width">
      <form className="form card" onSubmit={submit}>
        <h1>{t(reset ? 'authReset' : 'authIsItYou')}</h1>
        {problem && (problem.code === 'sign_in_wrong' ? <Notice kind="bad" title={t('authWrong')} next={t('authWrongNext')} /> : <ProblemNotice problem={problem} />)}
        {reset
          ? <PasswordField label={t('passwordNew')} hint={t('passwordRule')} name="password" autoComplete="new-password" value={password} onValue={setPassword} />
          : <PasswordField label={t('password')} name="password" autoComplete="current-password" value={password} onValue={setPassword} />}
        <Button type="submit" big busy={use.isPending}>{t(reset ? 'authResetDo' : 'authConfirmDo')}</Button>
      </form>
    </div>
  );
}
