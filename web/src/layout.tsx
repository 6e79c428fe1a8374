/** What stands around every page: the brand above, the law below, and what is wrong with the connection between. */
import { useEffect, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useBoot, useText } from './lib/app-context';
import { useKind, useMe, useWaiting, useWallet } from './lib/session';
import { Icon, Mark } from './ui/icons';
import { useWords } from './words';
import './layout.css';

function LanguageSwitch() {
  const { t, lang, setLang } = useWords(), other = lang === 'zh' ? 'en' : 'zh';
  return (
    <button type="button" className="top-link top-language" lang={other === 'zh' ? 'zh-CN' : 'en'} onClick={() => setLang(other)}>
      <Icon name="globe" /><span>{t('otherLanguage')}</span>
    </button>
  );
}

function Credits() {
  const { t } = useWords(), wallet = useWallet();
  if (!wallet) return null;
  return <Link href="/wallet" className="top-credits numbers" data-testid="credits">{t('credits', { count: wallet.available })}</Link>;
}

function Header() {
  const { t } = useWords(), text = useText(), { product } = useBoot(), me = useMe(), kind = useKind(), [at] = useLocation();
  return (
    <header className="top">
      <div className="width top-row">
        <Link href="/" className={`brand ${kind === 'guest' ? 'brand-guest' : ''}`}><Mark /><span>{text(product.title)}</span></Link>
        <nav className="top-nav">
          {me?.operator ? <Link href="/admin" className="top-link top-named" aria-current={at.startsWith('/admin') ? 'page' : undefined}><Icon name="shield" /><span className="top-words">{t('operators')}</span></Link> : <Credits />}
          <Link href="/me" className="top-link top-named" aria-current={at === '/me' ? 'page' : undefined}><Icon name="frame" /><span className="top-words">{t('myPictures')}</span></Link>
          {kind !== 'person' && !/^\/(sign-|auth)/.test(at) && <Link href="/sign-in" className={`top-link ${kind ? 'top-named' : ''}`}>{kind ? <><Icon name="user" /><span className="top-words">{t('signIn')}</span></> : t('signIn')}</Link>}
          <LanguageSwitch />
        </nav>
      </div>
    </header>
  );
}

function useOnline(): boolean {
  const [online, set] = useState(true);
  useEffect(() => {
    const look = () => set(navigator.onLine);
    look();
    addEventListener('online', look);
    addEventListener('offline', look);
    return () => {
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }, []);
  return online;
}

/** Above everything, because it explains why nothing moves. */
function Connection() {
  const { t } = useWords(), online = useOnline(), waiting = useWaiting();
  const words = !online ? t('offline') : !waiting ? null : waiting.why === 'busy' ? t('busy', { seconds: Math.round(waiting.seconds) }) : t('unreachable');
  return <div role="status" aria-live="polite" className={words ? 'connection' : 'unseen'}>{words}</div>;
}

function Footer() {
  const { t } = useWords(), { icp } = useBoot();
  return (
    <footer className="bottom">
      <div className="width small">
        <p>{t('privacyShort')}</p>
        <p>{t('madeByAi')}</p>
        {icp && <p><a href="https://beian.miit.gov.cn/" rel="noreferrer">{icp}</a></p>}
      </div>
    </footer>
  );
}

export function Layout({ children }: { children: ReactNode }) {
  const { t } = useWords();
  return (
    <>
      <a className="skip" href="#main">{t('skip')}</a>
      <Header />
      <Connection />
      <main id="main" tabIndex={-1}>{children}</main>
      <Footer />
    </>
  );
}
