/**
 * Who comes with the operator's token is let in: it makes a link (as for another device), and the link makes this browser's session.
 * The token is sent once, in a header and without cookies, and kept nowhere: neither in the address nor in the browser.
 */
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { account } from '../../lib/account';
import { api, asProblem, Problem } from '../../lib/api';
import { signedIn } from '../../lib/session';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink } from '../../ui/button';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icons';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useAdminWords } from '../../words/admin';

const SHAPE = /^[\w-]{43}$/;

async function linkFor(bearer: string): Promise<string> {
  if (!SHAPE.test(bearer)) throw new Problem({ code: 'unauthenticated', status: 401 });
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const answer = await fetch(api.url('/v1/me/link'), { method: 'POST', headers, body: '{}', credentials: 'omit', cache: 'no-store' }).catch(() => null);
  if (!answer) throw Problem.unreachable();
  if (!answer.ok) throw await Problem.of(answer);
  return (await answer.json() as { token: string }).token;
}

export function Door({ someone }: { someone: boolean }) {
  const { t } = useAdminWords(), [token, setToken] = useState('');
  const enter = useMutation({
    mutationFn: async () => account.useToken(await linkFor(token.trim()), { accept: true }),
    onSuccess: () => signedIn('person'),
    onSettled: () => setToken(''),
  });
  useTitle(t('adminOnly'));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    enter.mutate();
  };
  const problem = enter.error && asProblem(enter.error);
  return (
    <div className="width">
      <form className="form card door" onSubmit={submit} autoComplete="off">
        <span className="empty-icon"><Icon name="shield" size={34} /></span>
        <h1>{t('adminOnly')}</h1>
        <p className="soft">{t('adminOnlyText')}</p>
        {someone && <Notice kind="info" icon="user" title={t('adminNotYou')} />}
        {problem && (problem.status === 401 ? <Notice kind="bad" title={t('tokenWrong')} next={t('tokenWrongNext')} /> : <ProblemNotice problem={problem} />)}
        <Field label={t('token')} hint={t('tokenHint')} type="password" autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={200} required
          data-testid="token" value={token} onValue={setToken} />
        <Button type="submit" big busy={enter.isPending}>{t('open')}</Button>
        {someone && <ButtonLink kind="quiet" href="/me">{t('toMine')}</ButtonLink>}
      </form>
    </div>
  );
}
