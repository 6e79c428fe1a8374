/** /wallet: credits, the membership, when they end, and what moved them, in plain words with the way to the picture. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useTemplates } from '../../lib/catalogue';
import { useKind, useWallet } from '../../lib/session';
import { useCurrency, useShop, type Shop } from '../../lib/shop';
import { useDate, useDay } from '../../lib/time';
import { useTitle } from '../../lib/title';
import { Button, ButtonLink } from '../../ui/button';
import { Failed, PageSkeleton, SignedOut } from '../../ui/states';
import { useWords } from '../../words';
import { useShopWords, type ShopKey } from '../../words/shop';
import { Redeem } from './code';
import { isMember, Memberships, useMemberships } from './member';
import { CurrencySwitch, useEach, usePrice } from './parts';

type Entry = Schemas['Entry'];
type Task = Schemas['Task'];
type Wallet = Schemas['Wallet'];

const SOURCES: Record<Wallet['lots'][number]['source'], ShopKey> = { gift: 'lotGift', promo: 'lotPromo', bought: 'lotBought' };

function Lots({ wallet }: { wallet: Wallet }) {
  const { t } = useShopWords(), words = useWords(), day = useDay();
  if (!wallet.lots.length) return null;
  return (
    <section aria-labelledby="lots">
      <h2 id="lots">{t('walletLots')}</h2>
      <ul className="lots card numbers">{wallet.lots.map((lot, n) => <li key={n}><span>{words.t('credits', { count: lot.credits })} <span className="small soft">{t(SOURCES[lot.source])}</span></span><span className="soft">{lot.expires_ms === null ? t('lotEver') : t('lotEnds', { when: day(lot.expires_ms) })}</span></li>)}</ul>
    </section>
  );
}

const over = (task: Task): boolean => ['choosing', 'done', 'failed', 'cancelled'].includes(task.state);

/** The picture that an entry is about; null: it is about none, or it is gone. */
function useTaskOf(entry: Entry): Task | null {
  const id = entry.task, task = useQuery({
    queryKey: ['task', id, 'once'], enabled: id !== null, staleTime: q => (q.state.data && !over(q.state.data) ? 0 : 60_000),
    queryFn: async () => {
      try { return await api.get('/v1/tasks/{id}', { path: { id: id ?? '' } }); } catch (error) {
        if (asProblem(error).status === 404) return null;
        throw error;
      }
    },
  });
  return task.data ?? null;
}

const PLAIN: Record<string, ShopKey> = { 'grant order': 'entryBought', 'grant welcome': 'entryGift', 'takeback refund': 'entryRefunded', 'return unlike': 'entryUnlike' };
const BY_KIND: Record<string, ShopKey> = { grant: 'entryPromo', hold: 'entryHeld', release: 'entryBack', return: 'entryReturn', expire: 'entryExpired', move: 'entryMoved' };

function useEntryWords(): (entry: Entry, task: Task | null) => { title: string; why: string | null } {
  const { t, lang } = useShopWords(), text = useText(), templates = useTemplates().data;
  return (entry, task) => {
    const template = task && templates?.find(x => x.name === task.template);
    if (entry.kind === 'hold') {
      const [plain, named] = !task || !over(task) ? ['entryHeld', 'entryHeldFor'] as const : task.credits.captured > 0 ? ['entryUsed', 'entryUsedFor'] as const : ['entryHeldBack', 'entryHeldForBack'] as const;
      return { title: template ? t(named, { name: text(template.title) }) : t(plain), why: null };
    }
    if (entry.kind === 'release' && task) {
      const missing = task.asked - task.delivered;
      if (task.state === 'failed') return { title: t('entryBackFailed'), why: task.error ? task.error[lang] : null };
      if (task.state === 'cancelled') return { title: t('entryBackCancelled'), why: null };
      if (missing > 0) return { title: t('entryBackPart', { count: missing }), why: null };
    }
    return { title: t(PLAIN[`${entry.kind} ${entry.cause}`] ?? BY_KIND[entry.kind] ?? 'entryOther'), why: null };
  };
}

function Line({ entry }: { entry: Entry }) {
  const { t } = useShopWords(), { locale } = useWords(), date = useDate(), task = useTaskOf(entry), { title, why } = useEntryWords()(entry, task);
  return (
    <li className="entry" data-testid="entry" data-kind={entry.kind}>
      <span className="row-words"><span className="row-title">{title}</span>{why && <span className="entry-why">{why}</span>}<span className="small soft numbers entry-more"><span>{date(entry.at)}</span>{task && <Link href={`/t/${task.id}`}>{t('entrySee')}</Link>}{entry.order && <Link href={`/orders/${entry.order}`}>{t('entryReceipt')}</Link>}</span></span>
      <span className={`numbers entry-amount ${entry.credits > 0 ? 'entry-in' : ''}`}>{entry.credits.toLocaleString(locale, { signDisplay: 'always' })}</span>
    </li>
  );
}

function History() {
  const { t } = useShopWords();
  const list = useInfiniteQuery({
    queryKey: ['entries'], initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => api.get('/v1/wallet/entries', { query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } }),
    getNextPageParam: page => page.next ?? undefined,
  });
  if (list.isPending) return <div className="rows">{[1, 2, 3].map(n => <div key={n} className="bone bone-row" />)}</div>;
  if (list.isError) return <Failed problem={asProblem(list.error)} again={() => void list.refetch()} />;
  const items = list.data.pages.flatMap(p => p.items);
  if (!items.length) return <p className="soft">{t('walletNone')}</p>;
  return (
    <>
      <ul className="entries card">{items.map(entry => <Line key={entry.id} entry={entry} />)}</ul>
      {list.hasNextPage && <div className="order-acts"><Button kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('ordersMore')}</Button></div>}
    </>
  );
}

/** member: one is, and a second membership would be one too many. */
function Get({ all, member }: { all: Shop; member: boolean }) {
  const { t } = useShopWords(), text = useText(), { currency } = useCurrency(all), price = usePrice(), words = useWords(), each = useEach();
  return (
    <section aria-labelledby="get" className="plans-more">
      <div className="plans-top"><h2 id="get">{t('walletGet')}</h2><CurrencySwitch all={all} /></div>
      {each && <p className="small soft">{each}</p>}
      <ul>
        {all.plans.filter(p => p.kind !== 'free' && !(member && p.kind === 'member')).map(plan => {
          const named = price(plan, currency);
          return named && <li key={plan.plan}><Link href={`/buy/${plan.plan}`}><span>{text(plan.title)} <span className="small soft">{plan.credits > 0 && plan.kind !== 'pack' && words.t('credits', { count: plan.credits })}</span></span> <span className="numbers">{named}</span></Link></li>;
        })}
      </ul>
    </section>
  );
}

export default function WalletPage() {
  const { t } = useShopWords(), wallet = useWallet(), kind = useKind(), all = useShop().data, members = useMemberships();
  useTitle(t('walletTitle'));
  if (kind === null || wallet === null) return <div className="width"><SignedOut next="/wallet"><ButtonLink href="/new" kind="quiet" icon="people">{t('goOnNew')}</ButtonLink></SignedOut></div>;
  if (!wallet) return <PageSkeleton />;
  return (
    <div className="width narrow money">
      <div className="plans-top money-top"><h1>{t('walletTitle')}</h1>{all?.selling && <ButtonLink href="/orders" kind="bare">{t('walletOrders')}</ButtonLink>}</div>
      <p className="wallet-have card"><span className="wallet-number numbers" data-testid="available">{wallet.available}</span> <span>{t('walletHave', { count: wallet.available })}</span>
        {wallet.held > 0 && <span className="small soft numbers">{t('walletHeld', { count: wallet.held })}</span>}</p>
      <Memberships list={members} all={all} />
      <Lots wallet={wallet} />
      {all?.selling && <><Get all={all} member={isMember(members)} /><Redeem /></>}
      <section aria-labelledby="history"><h2 id="history">{t('walletHistory')}</h2><History /></section>
    </div>
  );
}
