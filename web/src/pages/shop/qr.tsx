/** A QR code of some text, drawn here; what draws it comes only with it. */
import { encode } from 'uqr';

export default function Qr({ text, label }: { text: string; label: string }) {
  const { size, data } = encode(text, { ecc: 'M', border: 3 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges" data-testid="qr" data-text={text}><rect width={size} height={size} fill="#fff" /><path d={path} fill="#000" /></svg>;
}
