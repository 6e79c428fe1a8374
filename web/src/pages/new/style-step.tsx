/** Step 2: where the picture is taken. */
import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import { api, asProblem } from '../../lib/api';
import { useText } from '../../lib/app-context';
import { useTemplates } from '../../lib/catalogue';
import { useJourney } from '../../lib/journey';
import type { Photo } from '../../lib/photo';
import { ActionBar } from '../../ui/action-bar';
import { Button } from '../../ui/button';
import { Icon } from '../../ui/icons';
import { Picture } from '../../ui/picture';
import { Failed } from '../../ui/states';
import { useWords } from '../../words';
import { FileButton, PhotoCard } from './photo-card';
import { stepHref } from '.';

export function StyleStep() {
  const { t } = useWords(), text = useText(), journey = useJourney(), templates = useTemplates(), [, go] = useLocation(), own = journey.backdrop;
  const ownReady = journey.template !== '' || own?.state === 'ready';
  const lacking = journey.template === null ? t('needStyle') : !ownReady ? t(own?.state === 'refused' ? 'needOther' : 'needWait') : null;
  const chosen = templates.data?.find(x => x.name === journey.template);
  return (
    <>
      <div className="width narrow step-body">
        <h1>{t('styleTitle')}</h1>
        <p className="soft lead">{t('styleLead')}</p>
        {templates.isError && <Failed problem={asProblem(templates.error)} again={() => void templates.refetch()} />}
        {templates.data?.length === 0 && <p className="soft">{t('styleEmpty')}</p>}
        <div className="wall" role="radiogroup" aria-label={t('styleTitle')}>
          {templates.isPending && [1, 2, 3, 4].map(n => <span key={n} className="tile bone" />)}
          {templates.data?.map(template => (
            <label key={template.name} className={`tile ${journey.template === template.name ? 'tile-on' : ''}`}>
              <input type="radio" name="template" value={template.name} checked={journey.template === template.name} onChange={() => journey.choose(template.name)} />
              <span className="tile-picture"><Picture src={api.url(template.thumb)} alt="" loading="lazy" /></span>
              <span className="tile-name">{text(template.title)}</span>
              <span className="tile-check"><Icon name="check" size={16} /></span>
            </label>
          ))}
          {own?.state === 'ready' && (
            <label className={`tile ${journey.template === '' ? 'tile-on' : ''}`}>
              <input type="radio" name="template" value="" checked={journey.template === ''} onChange={() => journey.choose('')} />
              <span className="tile-picture">{own.url && <Picture src={own.url} alt="" onError={() => own.cannotShow()} />}</span>
              <span className="tile-name">{t('styleOwn')}</span>
              <span className="tile-check"><Icon name="check" size={16} /></span>
            </label>
          )}
          <div className="tile tile-own">
            <FileButton icon="image" onFiles={([file]) => { if (file) journey.setBackdrop(file); }} testid="own-file">{own ? t('styleOwnChange') : t('styleOwn')}</FileButton>
            <p className="small soft">{t('styleOwnHint')}</p>
          </div>
        </div>
        {own && own.state !== 'ready' && <BackdropCard own={own} />}
      </div>
      <ActionBar hint={lacking ?? (journey.template === '' ? t('styleOwn') : chosen && text(chosen.title))}>
        <Button kind="quiet" big icon="back" aria-label={t('back')} onClick={() => go(stepHref('photos'))} />
        <Button big disabled={lacking !== null} onClick={() => go(stepHref('confirm'))}>{t('next')}</Button>
      </ActionBar>
    </>
  );
}

/** Below the wall, so it comes into sight: when it is sent, and when it will not do. */
function BackdropCard({ own }: { own: Photo }) {
  const seen = useRef<HTMLUListElement>(null), over = !own.busy;
  useEffect(() => { seen.current?.scrollIntoView({ block: 'center' }); }, [own, over]);
  return <ul ref={seen} className="photos"><PhotoCard photo={own} full={false} /></ul>;
}
