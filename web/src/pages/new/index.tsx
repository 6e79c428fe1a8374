/** /new: from photos to a task, one step at a time. Each step has its own address, so that "back" goes back. */
import { useEffect, useRef } from 'react';
import { useLocation, useSearch } from 'wouter';
import { peopleRules, useRecipe } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import { Steps } from '../../ui/steps';
import { useTitle } from '../../lib/title';
import { Ended } from '../../ui/ended';
import { PageSkeleton } from '../../ui/states';
import { useWords, type Key } from '../../words';
import { ConfirmStep } from './confirm-step';
import { PhotosStep } from './photos-step';
import { StyleStep } from './style-step';
import './new.css';

const STEPS = ['photos', 'style', 'confirm'] as const;
type Step = (typeof STEPS)[number];
const TITLES: Record<Step, Key> = { photos: 'photosTitle', style: 'styleTitle', confirm: 'confirmTitle' };
export const stepHref = (step: Step): string => (step === 'photos' ? '/new' : `/new?step=${step}`);

export default function New() {
  const journey = useJourney(), recipe = useRecipe(), search = useSearch(), [, go] = useLocation();
  const rules = peopleRules(recipe.data), asked = new URLSearchParams(search).get('step') as Step | null;
  const step = asked && STEPS.includes(asked) ? asked : 'photos';
  journey.bytesMax = rules.bytesMax;

  useEffect(() => {
    void journey.restore();
    const resume = (): void => journey.resume();
    addEventListener('online', resume);
    return () => removeEventListener('online', resume);
  }, [journey]);

  // an address of a later step without what it needs: to where it is missing
  const lacks: Step | null = step !== 'photos' && !(journey.people.length && journey.consent) ? 'photos' : step === 'confirm' && journey.template === null ? 'style' : null;
  useEffect(() => { if (lacks && !journey.restoring && !journey.ended) go(stepHref(lacks), { replace: true }); }, [lacks, journey.restoring, journey.ended, go]);
  // the button that was pressed is gone with its step: the focus begins anew at the next one
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current === step) return;
    shown.current = step;
    scrollTo(0, 0);
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [step]);

  useTitle(useWords().t(journey.ended ? 'endedTitle' : TITLES[step]));
  if (journey.ended) return <Ended theirs={journey.ended === 'waiting'} next={stepHref(journey.ended === 'waiting' ? step : 'photos')} />;
  if (journey.restoring || lacks) return <PageSkeleton />;
  const at = STEPS.indexOf(step);
  return (
    <>
      <div className="width narrow"><Steps at={at} hrefs={STEPS.map(stepHref)} /></div>
      {step === 'photos' && <PhotosStep rules={rules} />}
      {step === 'style' && <StyleStep />}
      {step === 'confirm' && <ConfirmStep />}
    </>
  );
}
