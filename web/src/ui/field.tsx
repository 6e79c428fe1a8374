/** One thing to type. */
import { useId, useState, type InputHTMLAttributes, type ReactNode } from 'react';
import { useWords } from '../words';
import { IconButton } from './button';
import './field.css';

type Props = { label: string; hint?: string; onValue: (value: string) => void } & InputHTMLAttributes<HTMLInputElement>;

export function Field({ label, hint, onValue, ...rest }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={hint ? `${id}-hint` : undefined} onChange={event => onValue(event.target.value)} {...rest} />
      {hint && <p className="small soft" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

/** One of a few. */
export function Select({ label, value, onValue, children }: { label: string; value: string; onValue: (value: string) => void; children: ReactNode }) {
  const id = useId();
  return <div className="field"><label htmlFor={id}>{label}</label><select id={id} value={value} onChange={event => onValue(event.target.value)}>{children}</select></div>;
}

/** 10 to 128 characters, as the server wants them; it can be shown. */
export function PasswordField(props: Props) {
  const { t } = useWords(), [shown, setShown] = useState(false);
  return (
    <div className="field-password">
      <Field {...props} type={shown ? 'text' : 'password'} minLength={10} maxLength={128} required />
      <IconButton icon="eye" label={t(shown ? 'hidePassword' : 'showPassword')} aria-pressed={shown} onClick={() => setShown(!shown)} />
    </div>
  );
}
