/** Addresses and the pages behind them. The landing page is here at once; the others come when they are wanted. */
import { Component, lazy, Suspense, useEffect, useRef, type ReactNode } from 'react';
import { Route, Router, Switch, useLocation } from 'wouter';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { Problem } from './lib/api';
import { BootContext, useBoot } from './lib/app-context';
import type { Boot } from './lib/boot';
import { bindCache, useOtherTabs, useRenewal } from './lib/session';
import { Layout } from './layout';
import { Landing } from './pages/landing';
import { Lost } from './pages/lost';
import { PageSkeleton } from './ui/states';
import { Button } from './ui/button';
import { Notice } from './ui/notice';
import { LanguageProvider, useWords } from './words';

const New = lazy(() => import('./pages/new'));
const Task = lazy(() => import('./pages/task'));
const Me = lazy(() => import('./pages/me'));
const SignIn = lazy(() => import('./pages/sign-in'));
const Auth = lazy(() => import('./pages/auth'));
const Admin = lazy(() => import('./pages/admin'));
const Buy = lazy(() => import('./pages/shop/buy'));
const Order = lazy(() => import('./pages/shop/order'));
const Orders = lazy(() => import('./pages/shop/orders'));
const Wallet = lazy(() => import('./pages/shop/wallet'));
const TestMoney = lazy(() => import('./pages/shop/test-money'));

/** Asking again is the client's business (clients/js); here an error is an answer. */
export function newCache(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 10_000, refetchOnWindowFocus: (q) => !(q.state.error instanceof Problem) } } });
}

/** The last net: a broken page says so and can be opened again. */
class Net extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError(): { broken: boolean } { return { broken: true }; }
  override render(): ReactNode { return this.state.broken ? <Crash /> : this.props.children; }
}

function Crash() {
  const { t } = useWords();
  return (
    <div className="width narrow">
      <Notice kind="bad" title={t('crashTitle')} next={t('crashNext')} />
      <Button onClick={() => location.reload()}>{t('reload')}</Button>
    </div>
  );
}

/** A new page begins at its top, and a screen reader hears that it changed. */
function usePageChange(): void {
  const [at] = useLocation(), first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    scrollTo(0, 0);
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [at]);
}

function Pages() {
  const { status } = useBoot();
  usePageChange();
  useRenewal();
  useOtherTabs();
  const [at] = useLocation(), first = useRef(at);
  if (status === 404 && at === first.current) return <Lost />;
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Switch>
        <Route path="/" component={Landing} />
        <Route path="/new" component={New} />
        <Route path="/t/:id">{({ id }) => <Task id={id} key={id} />}</Route>
        <Route path="/me" component={Me} />
        <Route path="/buy/:plan">{({ plan }) => <Buy plan={plan} key={plan} />}</Route>
        <Route path="/orders" component={Orders} />
        <Route path="/orders/:id">{({ id }) => <Order id={id} key={id} />}</Route>
        <Route path="/wallet" component={Wallet} />
        <Route path="/pay/test/:number">{({ number }) => <TestMoney number={number} key={number} />}</Route>
        <Route path="/sign-in"><SignIn mode="in" /></Route>
        <Route path="/sign-up"><SignIn mode="up" /></Route>
        <Route path="/auth" component={Auth} />
        <Route path="/admin/*?" component={Admin} />
        <Route component={Lost} />
      </Switch>
    </Suspense>
  );
}

interface AppProps { boot: Boot; cache: QueryClient; /** Where the page is, when there is no browser to ask. */ at?: string; children?: ReactNode }

export function App({ boot, cache, at, children }: AppProps) {
  bindCache(cache);
  return (
    <BootContext.Provider value={boot}>
      <QueryClientProvider client={cache}>
        <LanguageProvider first={boot.lang}>
          <Router {...(at ? { ssrPath: at } : {})}>
            <Layout><Net>{children ?? <Pages />}</Net></Layout>
          </Router>
        </LanguageProvider>
      </QueryClientProvider>
    </BootContext.Provider>
  );
}
