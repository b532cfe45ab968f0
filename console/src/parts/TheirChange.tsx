/** Tells that somebody else has saved the file since an edit began, and what: theirs stays, and the edit goes on top. */
import { DiffView } from './DiffView';
import css from './parts.module.css';

/** `diff`: of the file as it was when the edit began to the file as it is now; nothing is shown when it is empty. */
export function TheirChange({ diff }: { diff: string }) {
  if (diff === '') return null;
  return (
    <div className={`${css.problem} ${css.warning}`} role="status">
      <strong>Somebody else has saved this file in the meantime</strong>
      <div>Their change is kept, and yours goes on top of it. This is theirs:</div>
      <DiffView diff={diff} label="What they changed" />
    </div>
  );
}
