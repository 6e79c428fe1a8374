/** A card with the picture, drawn here: nothing of it goes anywhere before its owner sends it. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, asProblem, Problem } from '../../lib/api';
import { useBoot, useText } from '../../lib/app-context';
import { content } from '../../lib/task';
import { Button, FileLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { ProblemNotice } from '../../ui/notice';
import { useWords } from '../../words';
import { drawCard } from './card';

const isWeChat = (): boolean => /MicroMessenger/i.test(navigator.userAgent);

export function Share({ asset, open, onClose }: { asset: string; open: boolean; onClose: () => void }) {
  const { t, lang } = useWords(), text = useText(), { product, api: origin } = useBoot(), cache = useQueryClient(), [problem, setProblem] = useState<Problem | null>(null), [card, setCard] = useState<{ blob: Blob; url: string } | null>(null);
  const title = text(product.title), line = text(product.tagline), note = t('madeByAi'), name = `${product.name}.png`;
  useEffect(() => {
    if (!open) return undefined;
    let over = false, url = '';
    const make = async (): Promise<void> => {
      await api.get('/v1/assets/{id}', { path: { id: asset } });        // the browser may still show what was deleted elsewhere
      const blob = await drawCard({ src: content(asset), crossOrigin: origin !== '', title, line, note, colours: product.theme, chinese: lang === 'zh' });
      if (!blob) throw new Problem({ code: 'page', status: 0 });
      if (over) return;
      url = URL.createObjectURL(blob);
      setCard({ blob, url });
    };
    make().catch((error: unknown) => {
      if (over) return;
      setProblem(asProblem(error));
      void cache.invalidateQueries({ queryKey: ['task'] });
    });
    return () => {
      over = true;
      URL.revokeObjectURL(url);
      setCard(null);
      setProblem(null);
    };
  }, [open, asset, origin, cache, title, line, note, product.theme, lang]);

  const file = card && new File([card.blob], name, { type: 'image/png' });
  const canSend = file !== null && 'canShare' in navigator && navigator.canShare({ files: [file] }) && !isWeChat();
  const send = (): void => { if (file) navigator.share({ files: [file], title }).catch(() => {}); };        // closing the phone's own sheet is no error
  return (
    <Dialog open={open} onClose={onClose} title={t('shareTitle')} text={isWeChat() ? t('shareHold') : t('shareText')} actions={card && !isWeChat() && (
      <>
        <FileLink kind={canSend ? 'quiet' : 'primary'} icon="download" href={card.url} download={name}>{t('shareSave')}</FileLink>
        {canSend && <Button icon="share" onClick={send}>{t('shareSend')}</Button>}
      </>
    )}>
      {card ? <img className="share-card" src={card.url} alt={t('shareAlt')} /> : problem ? <ProblemNotice problem={problem} /> : <div className="bone share-card" role="status" aria-label={t('shareMaking')} />}
    </Dialog>
  );
}
