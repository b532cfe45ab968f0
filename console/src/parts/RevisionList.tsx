/** Changes, the newest first: who, when, what; the diff opens. */
import type { ReactNode } from 'react';
import type { Change } from '../api/types';
import { agoText, clockText } from '../model/format';
import { countOf } from '../model/diff';
import { DiffView } from './DiffView';
import css from './RevisionList.module.css';
import { useNow } from './useNow';

type Shown = Pick<Change, 'n' | 'at' | 'author' | 'note' | 'diff'>;

interface ListProps<T> { revisions: T[]; title?: (revision: T) => ReactNode; action?: (revision: T, at: number) => ReactNode }

export function RevisionList<T extends Shown>({ revisions, title, action }: ListProps<T>) {
  const now = useNow();
  return (
    <ol className={css.list}>
      {revisions.map((revision, at) => (
        <li key={revision.n} className={css.item}>
          <div className={css.head}>
            <strong>{title ? title(revision) : `Revision ${revision.n}`}</strong>
            <span className="soft">{revision.author}, <time title={clockText(revision.at)}>{agoText(revision.at, now)}</time></span>
            {revision.note && <span>{revision.note}</span>}
            <span className={css.action}>{action?.(revision, at)}</span>
          </div>
          {revision.diff && (
            <details>
              <summary>{countText(revision.diff)}</summary>
              <DiffView diff={revision.diff} label={`Changes of ${revision.n}`} />
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}

function countText(diff: string): string {
  const { added, removed } = countOf(diff);
  return `+${added} −${removed}`;
}
