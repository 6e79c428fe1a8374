/** Who I am here, on which devices, in which language; and out of all of it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import { useOnce } from '../../lib/once';
import { account, type Device, type Region } from '../../lib/account';
import { asProblem } from '../../lib/api';
import { signedOut, useWallet, type Me } from '../../lib/session';
import { useShop } from '../../lib/shop';
import { useDate } from '../../lib/time';
import { Button, ButtonLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { PasswordField } from '../../ui/field';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useWords, type Lang } from '../../words';

/** The server's words for a device are English: "Chrome on Linux". */
function useDeviceName(): (label: string) => string {
  const { t } = useWords();
  return label => {
    const [, browser, system] = /^(.+) on (.+)$/.exec(label) ?? [];
    return browser && system ? t('deviceOn', { browser, system }) : label === 'Unknown device' ? t('deviceUnknown') : label;
  };
}

function Identity({ me }: { me: Me | null | undefined }) {
  const { t } = useWords();
  if (!me) return null;        // the page says so above
  if (me.email) {
    return (
      <div className="panel card">
        <h3>{t('youAre', { email: me.email })}</h3>
        {me.verified === false && <p className="soft">{t('notVerified')}</p>}
      </div>
    );
  }
  return (
    <div className="panel card">
      <h3>{t('guestTitle')}</h3>
      <p className="soft">{t('guestText')}</p>
      <div className="panel-acts"><ButtonLink href="/sign-up">{t('signUp')}</ButtonLink><ButtonLink href="/sign-in" kind="quiet">{t('signIn')}</ButtonLink></div>
    </div>
  );
}

function Money() {
  const { t } = useWords(), wallet = useWallet(), shop = useShop().data;
  if (!wallet) return null;
  return (
    <div className="panel card">
      <h3>{t('moneyTitle')}</h3>
      <p className="soft numbers">{t('credits', { count: wallet.available })}</p>
      <div className="panel-acts"><ButtonLink href="/wallet" kind="quiet">{t('moneyWallet')}</ButtonLink>{shop?.selling && <ButtonLink href="/orders" kind="quiet">{t('moneyOrders')}</ButtonLink>}</div>
    </div>
  );
}

function DeviceRow({ device }: { device: Device }) {
  const { t } = useWords(), date = useDate(), cache = useQueryClient();
  const end = useMutation({ mutationFn: () => account.endDevice(device.id), onSuccess: () => cache.invalidateQueries({ queryKey: ['devices'] }) });
  const name = useDeviceName()(device.label);
  return (
    <li>
      <span><span className="device-name">{name}</span> <span className="small soft">{device.current ? t('deviceHere') : t('deviceSeen', { when: date(device.seen_ms) })} · {device.address}</span></span>
      {!device.current && <Button kind="bare" busy={end.isPending} aria-label={t('deviceEndNamed', { name })} onClick={() => end.mutate()}>{t('deviceEnd')}</Button>}
    </li>
  );
}

function Devices({ me }: { me: Me }) {
  const { t } = useWords(), [, go] = useLocation(), [asking, setAsking] = useState(false);
  const devices = useQuery({ queryKey: ['devices'], queryFn: account.devices });
  const leave = (): void => {
    signedOut();
    go('/');
  };
  const out = useMutation({ mutationFn: account.signOut, onSuccess: leave });
  const all = useMutation({ mutationFn: account.endAll, onSuccess: leave });
  const guest = !me.email;
  return (
    <div className="panel card">
      {devices.data && <><h3>{t('devicesTitle')}</h3><ul className="devices">{devices.data.items.map(d => <DeviceRow key={d.id} device={d} />)}</ul></>}
      {(out.error ?? all.error) && <ProblemNotice problem={asProblem(out.error ?? all.error)} />}
      <div className="panel-acts">
        {!guest && <Button kind="quiet" busy={out.isPending} onClick={() => out.mutate()}>{t('signOut')}</Button>}
        <Button kind="bare" onClick={() => setAsking(true)}>{t('endAll')}</Button>
      </div>
      <Dialog open={asking} onClose={() => setAsking(false)} title={t('endAllSure')} text={guest ? t('endAllGuest') : t('endAllText')} actions={(
        <><Button kind="quiet" onClick={() => setAsking(false)}>{t('cancel')}</Button><Button kind="danger" busy={all.isPending} onClick={() => all.mutate()}>{t('endAll')}</Button></>
      )} />
    </div>
  );
}

function Password() {
  const { t } = useWords(), [old, setOld] = useState(''), [next, setNext] = useState('');
  const change = useMutation({ mutationFn: () => account.changePassword(old, next), onSuccess: () => { setOld(''); setNext(''); } });
  const send = useOnce(change.mutateAsync);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  return (
    <form className="panel card" onSubmit={submit}>
      <h3>{t('passwordTitle')}</h3>
      {change.isSuccess && <Notice kind="good" title={t('passwordChanged')} />}
      {change.error && <ProblemNotice problem={asProblem(change.error)} />}
      <PasswordField label={t('passwordOld')} autoComplete="current-password" value={old} onValue={setOld} />
      <PasswordField label={t('passwordNew')} hint={t('passwordRule')} autoComplete="new-password" value={next} onValue={setNext} />
      <div className="panel-acts"><Button type="submit" kind="quiet" busy={change.isPending}>{t('passwordChange')}</Button></div>
    </form>
  );
}

/** The language is this device's and, for a person, the one of mails; the region decides how to sign in and pay. */
function LanguageRegion({ me }: { me: Me | null | undefined }) {
  const { t, lang, setLang } = useWords(), cache = useQueryClient();
  const save = useMutation({ mutationFn: account.change, onSuccess: () => cache.invalidateQueries({ queryKey: ['me'] }) });
  const speak = (next: Lang): void => {
    setLang(next);
    if (me) save.mutate({ lang: next });
  };
  return (
    <div className="panel card">
      <h3>{t('regionTitle')}</h3>
      <div className="field"><label htmlFor="language">{t('language')}</label>
        <select id="language" value={lang} onChange={event => speak(event.target.value as Lang)}><option value="zh" lang="zh-CN">简体中文</option><option value="en" lang="en">English</option></select></div>
      {me && (
        <div className="field"><label htmlFor="region">{t('region')}</label>
          <select id="region" aria-describedby="region-why" value={me.region === 'CN' ? 'CN' : ''} onChange={event => save.mutate({ region: event.target.value as Region })}><option value="CN">{t('regionCn')}</option><option value="">{t('regionGlobal')}</option></select><p className="small soft" id="region-why">{t('regionWhy')}</p></div>
      )}
      <p className="small soft" role="status">{save.isSuccess ? t('saved') : ''}</p>
      {save.error && <ProblemNotice problem={asProblem(save.error)} />}
    </div>
  );
}

export function Account({ me }: { me: Me | null | undefined }) {
  const { t } = useWords();
  return (
    <section className="account" aria-labelledby="account">
      <h2 id="account">{t('accountTitle')}</h2>
      <div className="panels">
        <Identity me={me} />
        <Money />
        <LanguageRegion me={me} />
        {me && <Devices me={me} />}
        {me?.email && <Password />}
      </div>
    </section>
  );
}
