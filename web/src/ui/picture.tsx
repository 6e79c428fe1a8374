/** A picture that may not come the first time: its place is kept, and it is asked for again, later each time, and when the connection is back. */
import { useEffect, useState, type ImgHTMLAttributes, type SyntheticEvent } from 'react';
import './picture.css';

const AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

type Props = ImgHTMLAttributes<HTMLImageElement> & { src: string; alt: string };

function Loaded({ src, alt, className, onError, ...rest }: Props) {
  const [tries, setTries] = useState(0), [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!broken) return undefined;
    const again = (): void => {
      setTries(tries + 1);
      setBroken(false);
    };
    const wait = AGAIN_MS[tries], timer = wait === undefined ? null : setTimeout(again, wait);
    addEventListener('online', again);
    return () => {
      if (timer !== null) clearTimeout(timer);
      removeEventListener('online', again);
    };
  }, [broken, tries]);
  const failed = (event: SyntheticEvent<HTMLImageElement>): void => {
    onError?.(event);
    if (!src.startsWith('blob:')) setBroken(true);        // what is on this device already does not come later
  };
  const { width = 3, height = 2, style } = rest;
  if (!broken) return <img {...rest} key={tries} src={src} alt={alt} className={`picture ${className ?? ''}`} onError={failed} />;
  return (
    <svg className={`picture picture-none ${className ?? ''}`} style={style} width={width} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid slice" role={alt ? 'img' : undefined} aria-label={alt || undefined} aria-hidden={alt ? undefined : true}>
      <svg x="40%" y="40%" width="20%" height="20%" viewBox="0 0 24 24"><path d="M4 5h16v14H4zM4 16l4.500-4.500 3.500 3.500 3-3 5 5M9 9.500h.01" /></svg>
    </svg>
  );
}

/** Another address is another picture. */
export function Picture(props: Props) { return <Loaded key={props.src} {...props} />; }
