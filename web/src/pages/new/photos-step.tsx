/** Step 1: everybody who should be in the picture. Nothing leaves the device before everybody agreed. */
import { useEffect, useRef, useState, type DragEvent } from 'react';
import { useLocation } from 'wouter';
import { useJourney } from '../../lib/journey';
import { ActionBar } from '../../ui/action-bar';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Icon } from '../../ui/icons';
import { useWords } from '../../words';
import { GoodPhotos } from './good-photos';
import { FileButton, isWide, PhotoCard } from './photo-card';
import { Issues, useTwice } from './quote';
import { Roster } from './roster';
import { stepHref } from '.';

export function PhotosStep({ rules }: { rules: { max: number; megabytes: number; pixels: number } }) {
  const { t } = useWords(), journey = useJourney(), [, go] = useLocation();
  const [asked, setAsked] = useState(false), [leaving, setLeaving] = useState(false), [over, setOver] = useState(false);
  const consent = useRef<HTMLInputElement>(null), gone = useRef<HTMLParagraphElement>(null);
  const begun = journey.photos.length > 0 && journey.consent;        // then the photos matter more than the advice
  const people = journey.people.length, tooMany = people > rules.max, twice = useTwice();
  const small = journey.photos.filter(photo => !isWide(photo)), alone = small.length % 2 ? small[small.length - 1] : null;
  const lacking = !journey.consent ? t('consentFirst') : journey.busy ? t('needWait') : !people ? t('needPeople') : tooMany ? t('joiningMax', { max: rules.max }) : twice ? t('needOnce') : null;

  useEffect(() => { if (journey.withdrawn) gone.current?.scrollIntoView({ block: 'center' }); }, [journey.withdrawn]);
  const say = (agrees: boolean): void => {
    if (!agrees && journey.count) setLeaving(true);
    else journey.agree(agrees);
  };
  const leave = (): void => {
    setLeaving(false);
    journey.agree(false);
  };
  const agreed = (): boolean => {
    if (journey.consent) return true;
    setAsked(true);
    consent.current?.focus();
    return false;
  };
  const add = (files: File[]): void => { if (agreed()) journey.add(files); };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const files = [...event.dataTransfer.files];
    if (event.type === 'drop' && files.length) add(files);
  };

  return (
    <>
      <div className="width narrow step-body" onDragOver={event => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <h1>{t('photosTitle')}</h1>
        <p className="soft lead">{t('photosLead', { max: rules.max })}</p>
        {!begun && <GoodPhotos />}
        <label className={`consent card ${begun ? 'consent-short' : ''} ${asked && !journey.consent ? 'consent-asked' : ''}`}>
          <input ref={consent} type="checkbox" checked={journey.consent} aria-describedby="consent-more" onChange={event => say(event.target.checked)} data-testid="consent" />
          <span><span>{t('consent')}</span><span id="consent-more" className={begun ? 'unseen' : 'small soft'}>{t('consentMore')}</span></span>
        </label>
        {asked && !journey.consent && <p className="consent-first" role="alert">{t('consentFirst')}</p>}
        {journey.withdrawn && <p ref={gone} className="consent-gone" role="status">{t('consentGone')}</p>}
        <ul className="photos">{journey.photos.map(photo => <PhotoCard key={photo.key} photo={photo} full={people >= rules.max} max={rules.max} alone={photo === alone} />)}</ul>
        <div className={`drop ${over ? 'drop-over' : ''} ${journey.photos.length ? 'drop-small' : ''}`}>
          {!journey.photos.length && <span className="drop-icon"><Icon name="image" size={34} /></span>}
          {journey.consent
            ? <FileButton multiple big={!journey.photos.length} kind={journey.photos.length ? 'quiet' : 'primary'} icon="plus" onFiles={add} testid="files">{t(journey.photos.length ? 'addPhotos' : 'choosePhotos')}</FileButton>
            : <Button big icon="plus" onClick={agreed}>{t('choosePhotos')}</Button>}
          <p className="small soft drop-here">{t('dropHere')}</p>
          <p className="small soft">{t('formats', { mb: rules.megabytes, px: rules.pixels })}</p>
        </div>
      </div>
      {twice && <div className="width narrow"><Issues problem={twice} change={false} /></div>}
      {journey.photos.length > 0 && (
        <ActionBar hint={tooMany || twice || !journey.consent ? lacking : people ? <Roster /> : lacking}>
          <Button big disabled={lacking !== null} onClick={() => go(stepHref('style'))}>{t('next')}</Button>
        </ActionBar>
      )}
      <Dialog open={leaving} onClose={() => setLeaving(false)} title={t('consentLeave')} text={t('consentLeaveText', { count: journey.count })} actions={(
        <><Button kind="quiet" onClick={() => setLeaving(false)}>{t('consentStay')}</Button><Button kind="danger" icon="trash" onClick={leave}>{t('consentLeaveDo')}</Button></>
      )} />
    </>
  );
}
