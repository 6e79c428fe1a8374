/** /admin/…: the operator's pages. Each section has its own address; whoever has no rights stands at the door. */
import { useEffect, useRef } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { Lost } from '../lost';
import { account } from '../../lib/account';
import { asProblem } from '../../lib/api';
import { signedOut, useMeQuery } from '../../lib/session';
import { useTitle } from '../../lib/title';
import { Button } from '../../ui/button';
import { Empty, Failed, PageSkeleton } from '../../ui/states';
import { useAdminWords, type AdminKey } from '../../words/admin';
import { useWords } from '../../words';
import { OneAccount } from './account';
import { Accounts } from './accounts';
import { Codes } from './codes';
import { Door } from './door';
import { Health } from './health';
import { Invoices } from './invoices';
import { Mail, Mails } from './mails';
import { Margin } from './margin';
import { Memberships, OneMembership } from './memberships';
import { Orders } from './orders';
import { Settings } from './settings';
import { Storage } from './storage';
import { OneTask } from './task';
import { Tasks } from './tasks';
import './admin.css';

const SECTIONS = ['tasks', 'accounts', 'orders', 'memberships', 'invoices', 'codes', 'margin', 'storage', 'mails', 'settings', 'health'] as const satisfies readonly AdminKey[];

function useRoom(): void {
  useEffect(() => {
    document.documentElement.classList.add('wide');
    return () => document.documentElement.classList.remove('wide');
  }, []);
}

function Head({ here }: { here: AdminKey }) {
  const { t } = useAdminWords(), words = useWords(), nav = useRef<HTMLElement>(null);
  useEffect(() => { nav.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' }); }, [here]);        // on a phone they do not all fit
  const leave = (): void => { void account.signOut().then(signedOut, signedOut); };
  return (
    <div className="admin-head">
      <div className="admin-top"><h1>{t(here)}</h1><Button kind="bare" onClick={leave} data-testid="leave">{t('signOut')}</Button></div>
      <nav ref={nav} className="sections" aria-label={`${words.t('operators')}: ${t('sections')}`}>
        {SECTIONS.map(s => <Link key={s} href={`/admin/${s}`} className="section-link" aria-current={s === here ? 'page' : undefined}>{t(s)}</Link>)}
      </nav>
    </div>
  );
}

/** Below a section, that is: its name stands above. */
function Nothing() {
  const { t } = useWords();
  return <Empty inside icon="frame" title={t('lostTitle')} text={t('lostText')} />;
}

function Inside() {
  const { t } = useAdminWords(), [at] = useLocation(), here = SECTIONS.find(s => at.split('/')[2] === s);
  useRoom();
  useTitle(`${t(here ?? 'tasks')} · ${useWords().t('operators')}`);
  if (!here) return /^\/admin\/?$/.test(at) ? <Redirect to="/admin/tasks" replace /> : <Lost />;
  return (
    <div className="width admin">
      <Head here={here} />
      <Switch>
        <Route path="/admin/tasks/:id">{({ id }) => <OneTask id={id} key={id} />}</Route>
        <Route path="/admin/tasks" component={Tasks} />
        <Route path="/admin/accounts/:id">{({ id }) => <OneAccount id={id} key={id} />}</Route>
        <Route path="/admin/accounts" component={Accounts} />
        <Route path="/admin/orders" component={Orders} />
        <Route path="/admin/memberships/:id">{({ id }) => <OneMembership id={id} key={id} />}</Route>
        <Route path="/admin/memberships" component={Memberships} />
        <Route path="/admin/invoices" component={Invoices} />
        <Route path="/admin/codes" component={Codes} />
        <Route path="/admin/margin" component={Margin} />
        <Route path="/admin/storage" component={Storage} />
        <Route path="/admin/mails/:id">{({ id }) => <Mail id={id} key={id} />}</Route>
        <Route path="/admin/mails" component={Mails} />
        <Route path="/admin/settings" component={Settings} />
        <Route path="/admin/health" component={Health} />
        <Route component={Nothing} />
      </Switch>
    </div>
  );
}

export default function Admin() {
  const me = useMeQuery(true);
  if (me.isError && me.data === undefined) return <div className="width narrow"><Failed problem={asProblem(me.error)} again={() => void me.refetch()} /></div>;
  if (me.data === undefined) return <PageSkeleton />;
  return me.data?.operator ? <Inside /> : <Door someone={me.data !== null} />;
}
