/** What went wrong, in the gateway's words, with every diagnostic and what to do about it. */
import type { ReactNode } from 'react';
import { Problem } from '../api/client';
import type { Diagnostic } from '../api/types';
import { Ticked } from './Ticked';
import css from './parts.module.css';

export function ProblemBox({ problem, action }: { problem: unknown; action?: ReactNode }) {
  const isKnown = problem instanceof Problem;
  const title = isKnown ? problem.title : 'Something went wrong';
  const detail = problem instanceof Error ? problem.message : String(problem);
  return (
    <div className={css.problem} role="alert">
      <strong>{title}</strong>
      {detail !== title && <div><Ticked text={detail} /></div>}
      {isKnown && problem.diagnostics.length > 0 && <Diagnostics diagnostics={problem.diagnostics} />}
      {action && <div>{action}</div>}
    </div>
  );
}

export function Diagnostics({ diagnostics }: { diagnostics: Diagnostic[] }) {
  return (
    <ul className={css.diagnostics}>
      {diagnostics.map((diagnostic, at) => (
        <li key={at}>
          <Ticked text={diagnostic.message} /> {diagnostic.hint && <span className={css.hint}><Ticked text={`(${diagnostic.hint})`} /></span>}
          {diagnostic.file && <div className={css.where}>{placeOf(diagnostic)}</div>}
        </li>
      ))}
    </ul>
  );
}

export function DiagnosticsBox({ diagnostics, title }: { diagnostics: Diagnostic[]; title: string }) {
  if (diagnostics.length === 0) return null;
  const isWarning = diagnostics.every((diagnostic) => diagnostic.severity === 'warning');
  return (
    <div className={`${css.problem} ${isWarning ? css.warning : ''}`} role={isWarning ? 'status' : 'alert'}>
      <strong>{title}</strong>
      <Diagnostics diagnostics={diagnostics} />
    </div>
  );
}

export function placeOf({ file, line, column }: Diagnostic): string {
  const parts = [file, line, column].filter((part) => part !== null && part !== undefined);
  return parts.join(':');
}
