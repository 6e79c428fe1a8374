/** Who joins so far, as one will see them. */
import { useJourney } from '../../lib/journey';
import { FacePicture } from '../../ui/face';
import { useWords } from '../../words';

export function Roster() {
  const { t } = useWords(), journey = useJourney();
  const joining = journey.photos.flatMap(photo => photo.faces.filter(f => photo.ticked.has(f.index) && photo.state === 'ready').map(face => ({ photo, face })));
  const unusable = journey.photos.filter(photo => photo.state === 'refused').length;
  return (
    <span className="roster">
      <span className="roster-faces">
        {joining.map(({ photo, face }) => photo.url && photo.asset && <FacePicture key={`${photo.key}-${face.index}`} src={photo.url} width={photo.asset.width} height={photo.asset.height} box={face.box} onError={() => photo.cannotShow()} />)}
      </span>
      <span className="numbers">{t('joining', { count: joining.length })}{unusable > 0 && <span className="roster-out"><span className="roster-dot"> · </span>{t('unusable', { count: unusable })}</span>}</span>
    </span>
  );
}
