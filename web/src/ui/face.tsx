/** A round picture of one face, cut out of its photo by the browser. */
import './face.css';

interface Props { src: string; width: number; height: number; box: readonly number[]; onError?: () => void }

export function FacePicture({ src, width, height, box, onError }: Props) {
  const [x0 = 0, y0 = 0, x1 = width, y1 = height] = box;
  const side = Math.min(Math.max(x1 - x0, y1 - y0) * 1.7, width, height);
  const left = Math.min(Math.max((x0 + x1 - side) / 2, 0), width - side), top = Math.min(Math.max((y0 + y1) / 2 - side * 0.54, 0), height - side);
  const share = (v: number): string => `${(v / side) * 100}%`;
  return (
    <span className="face-picture">
      <img src={src} alt="" onError={onError} style={{ width: share(width), height: share(height), left: share(-left), top: share(-top) }} />
    </span>
  );
}
