/** There is no such page. */
import { useTitle } from '../lib/title';
import { ButtonLink } from '../ui/button';
import { Empty } from '../ui/states';
import { useWords } from '../words';

export function Lost() {
  const { t } = useWords();
  useTitle(t('lostTitle'));
  return <div className="width"><Empty icon="frame" title={t('lostTitle')} text={t('lostText')}><ButtonLink href="/">{t('lostHome')}</ButtonLink></Empty></div>;
}
