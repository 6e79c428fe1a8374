/** What the server says to the photos and the background: a price, or what has to change first. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { api, asProblem, type Problem, type Reason } from '../../lib/api';
import { useRecipe, useTemplates } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { Button } from '../../ui/button';
import { Notice, ProblemNotice } from '../../ui/notice';
import { useWords } from '../../words';
import { stepHref } from '.';

/** template: "" is the own backdrop. candidates: as many as the server thinks right, or fewer. */
export function useQuote(template: string | null, enabled = true, candidates?: number) {
  const journey = useJourney(), recipe = useRecipe().data?.name, people = journey.people;
  const body = { recipe: recipe ?? '', people, ...(template === '' ? { backdrop: journey.backdrop?.asset?.id ?? '' } : { template: template ?? '' }), ...(candidates ? { candidates } : {}) };
  return useQuery({
    queryKey: ['quote', body], enabled: enabled && recipe !== undefined && people.length > 0, staleTime: 60_000, gcTime: 60_000, refetchOnWindowFocus: false,
    queryFn: () => api.post('/v1/quotes', { body: body as never, again: true }),
  });
}

/** One person in two photos: true with any background, so it is said while the photos are in hand. */
export function useTwice(): Problem | null {
  const journey = useJourney(), template = useTemplates().data?.[0]?.name, several = journey.people.length > 1 && !journey.busy;
  const { error } = useQuote(template ?? null, several && template !== undefined), problem = several && error ? asProblem(error) : null;
  return problem?.document.issues?.some(issue => issue.other) ? problem : null;
}

/** The photos that are meant, to be seen: names alone may be equal. here: the page of the photos, where the second of them can go at once. */
function Meant({ issue, here }: { issue: Reason; here: boolean }) {
  const { t } = useWords(), journey = useJourney(), photos = [issue.other, issue.asset].flatMap(id => journey.photos.filter(p => id && p.asset?.id === id)), second = journey.people[issue.index ?? -1];
  if (!photos.length) return null;
  return (
    <span className="meant">
      {photos.map((photo, n) => (
        <figure key={n}>
          {photo.url && <img src={photo.url} alt="" onError={() => photo.cannotShow()} />}
          <figcaption className="small">{photo.name}</figcaption>
          {here && second && n === 1 && <Button kind="quiet" icon="trash" aria-label={t('takeAwayNamed', { name: photo.name })} onClick={() => journey.takeAway(second)}>{t('takeAway')}</Button>}
        </figure>
      ))}
    </span>
  );
}

export function Issues({ problem, change = true }: { problem: Problem; change?: boolean }) {
  const { t, lang } = useWords(), issues = problem.document.issues ?? [], seen = useRef<HTMLDivElement>(null);
  useEffect(() => { seen.current?.scrollIntoView({ block: 'center' }); }, []);        // what it gives back is no end of an effect
  return (
    <div ref={seen}>
      {issues.length ? (
        <Notice kind="bad" title={t('confirmIssues')}>
          <ul>{issues.map((issue, n) => <li key={n}><Meant issue={issue} here={!change} />{lang === 'zh' ? issue.zh + issue.next_zh : `${issue.en} ${issue.next_en}`}</li>)}</ul>
          {change && <Link href={stepHref('photos')}>{t('confirmChange')}</Link>}
        </Notice>
      ) : <ProblemNotice problem={problem} />}
    </div>
  );
}
