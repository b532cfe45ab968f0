/** What of an imported file was changed or left behind, and why; what means the same here is not worth a line. */
import type { ImportNote } from '../../api/types';
import { plural } from '../../model/format';
import { Ticked } from '../../parts/Ticked';
import css from './apis.module.css';

const SAME = 'carried';

export function ImportNotes({ notes }: { notes: ImportNote[] }) {
  const told = notes.filter(({ outcome }) => !outcome.startsWith(SAME));
  if (told.length === 0) return null;
  return (
    <details className={css.notes} open>
      <summary>{plural(told.length, 'note')} on what was not carried over as it is</summary>
      <ul>
        {told.map(({ outcome, field, line, becomes, reason, times }, at) => (
          <li key={at}>
            <code className="mono break">{field}</code> {outcome}{becomes && <> to <code className="mono break">{becomes}</code></>}{reason && <>: <Ticked text={reason} /></>}
            <span className="soft">{line ? ` (line ${line}${(times ?? 1) > 1 ? `, ${times} times` : ''})` : ''}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
