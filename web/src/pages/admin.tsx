/** /admin: the door to the operators' pages. */
import { useMe } from '../lib/session';
import { ButtonLink } from '../ui/button';
import { Empty, PageSkeleton } from '../ui/states';
import { useWords } from '../words';

export default function Admin() {
  const { t } = useWords(), me = useMe(true);
  if (me === undefined) return <PageSkeleton />;
  if (!me?.operator) return <div className="width"><Empty icon="shield" title={t('adminOnly')}><ButtonLink href="/sign-in?next=/admin">{t('signIn')}</ButtonLink></Empty></div>;
  return <div className="width"><Empty icon="shield" title={t('operators')} text={t('adminSoon')} /></div>;
}
