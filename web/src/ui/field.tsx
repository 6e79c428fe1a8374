/** One thing to type. */
import { useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode } from 'react';
import { useWords, type Key } from '../words';
import { IconButton } from './button';
import './field.css';

type Props = { label: string; hint?: string; onValue: (value: string) => void } & InputHTMLAttributes<HTMLInputElement>;

/** The browser's own bubble speaks the browser's language, not the page's. */
function wrongOf({ valueMissing, typeMismatch, tooShort }: ValidityState): Key {
  return valueMissing ? 'fieldEmpty' : tooShort ? 'passwordShort' : typeMismatch ? 'fieldEmail' : 'fieldEmpty';
}

export function Field({ label, hint, onValue, ...rest }: Props) {
  const id = useId(), { t } = useWords(), [wrong, setWrong] = useState<Key | null>(null);
  const refused = (event: FormEvent<HTMLInputElement>): void => {
    const input = event.currentTarget;
    event.preventDefault();
    setWrong(wrongOf(input.validity));
    if (input.form?.querySelector('input:invalid') === input) input.focus();
  };
  const typed = (value: string): void => {
    setWrong(null);
    onValue(value);
  };
  const described = wrong ? `${id}-wrong` : hint ? `${id}-hint` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={described} aria-invalid={wrong ? true : undefined} onInvalid={refused} onChange={event => typed(event.target.value)} {...rest} />
      {wrong && <p className="small field-wrong" id={`${id}-wrong`} role="alert">{t(wrong)}</p>}
      {hint && !wrong && <p className="small soft" id={`${id}-hint`}>{hint}</p>}
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
