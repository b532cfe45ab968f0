/** A unified diff as a table: line numbers, and a sign beside each change for those who see no colour. */
import { useMemo } from 'react';
import { readDiff } from '../model/diff';
import css from './parts.module.css';

const SIGNS = { added: '+', removed: '−', same: ' ' } as const;

export function DiffView({ diff, label = 'Changes to the file' }: { diff: string; label?: string }) {
  const lines = useMemo(() => readDiff(diff), [diff]);
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={css.diff} role="region" aria-label={label} tabIndex={0}>
      <table className={css.diffTable}>
        <tbody>
          {lines.map((line, at) => (!('before' in line) ? (
            <tr key={at} data-kind={line.kind}><td colSpan={4}>{line.text}</td></tr>
          ) : (
            <tr key={at} data-kind={line.kind}>
              <td className={css.no}>{line.before}</td>
              <td className={css.no}>{line.after}</td>
              <td>{SIGNS[line.kind]}</td>
              <td>{line.text}</td>
            </tr>
          )))}
        </tbody>
      </table>
    </div>
  );
}
