/** The frame of every page: title, lead, actions; and what stands where data is missing, late or wrong. */
import { Button, Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { ProblemBox } from './ProblemBox';
import css from './parts.module.css';

interface PageProps { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }

export function Page({ title, lead, actions, children }: PageProps) {
  useTitle(title);
  return (
    <div className={css.page}>
      <div className={css.pageHead}>
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p className={css.lead}>{lead}</p>}
        </div>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => { document.title = `${title} · Countersign`; }, [title]);
}

interface EmptyProps { icon: ReactNode; title: string; children: ReactNode; action?: ReactNode }

/** An empty state that says what would be here and how it comes about. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={css.empty}>
      <div className={css.emptyIcon} aria-hidden="true">{icon}</div>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}

export function Card({ title, children, className = '' }: { title?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section className={`${css.card} ${css.padded} ${className}`}>
      {title && <h2 className={css.cardTitle}>{title}</h2>}
      {children}
    </section>
  );
}

interface LoadedProps<T> { query: Pick<UseQueryResult<T>, 'data' | 'isError' | 'error'> & { refetch: () => unknown }; lines?: number; children: (data: T) => ReactNode }

/** A query's data; until then grey lines, and after a failure the problem and a way to try again. */
export function Loaded<T>({ query, lines = 4, children }: LoadedProps<T>) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) {
    return <ProblemBox problem={query.error} action={<Button size="xs" variant="default" onClick={() => void query.refetch()}>Try again</Button>} />;
  }
  return (
    <div className={css.skeletons} role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => <Skeleton key={line} height={line === 0 ? 34 : 22} radius="sm" />)}
    </div>
  );
}
