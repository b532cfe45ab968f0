/** Small coloured words: HTTP verbs and states. Colour is never the only difference. */
import type { ReactNode } from 'react';
import css from './parts.module.css';

export function Verb({ verb }: { verb: string }) {
  return <span className={css.verb} data-verb={verb.toUpperCase()}>{verb.toUpperCase()}</span>;
}

export type Tone = 'plain' | 'good' | 'warn' | 'bad';

export function Chip({ tone = 'plain', dot = false, children }: { tone?: Tone; dot?: boolean; children: ReactNode }) {
  return (
    <span className={css.chip} data-tone={tone}>
      {dot && <span className={css.dot} aria-hidden="true" />}
      {children}
    </span>
  );
}
