/** A card with the picture, drawn here: nothing of it goes anywhere before its owner sends it. */
import { useEffect, useState } from 'react';
import { useBoot, useText } from '../../lib/app-context';
import { content } from '../../lib/task';
import { Button, FileLink } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { useWords } from '../../words';
import { drawCard } from './card';

const isWeChat = (): boolean => /MicroMessenger/i.test(navigator.userAgent);

export function Share({ asset, open, onClose }: { asset: string; open: boolean; onClose: () => void }) {
  const { t, lang } = useWords(), text = useText(), { product, api } = useBoot(), [card, setCard] = useState<{ blob: Blob; url: string } | null>(null);
  const title = text(product.title), line = text(product.tagline), note = t('madeByAi'), name = `${product.name}.png`;
  useEffect(() => {
    if (!open) return undefined;
    let over = false, url = '';
    void drawCard({ src: content(asset), crossOrigin: api !== '', title, line, note, colours: product.theme, chinese: lang === 'zh' }).then(blob => {
      if (over || !blob) return;
      url = URL.createObjectURL(blob);
      setCard({ blob, url });
    });
    return () => {
      over = true;
      URL.revokeObjectURL(url);
      setCard(null);
    };
  }, [open, asset, api, title, line, note, product.theme, lang]);

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
      {card ? <img className="share-card" src={card.url} alt={t('shareAlt')} /> : <div className="bone share-card" role="status" aria-label={t('shareMaking')} />}
    </Dialog>
  );
}
