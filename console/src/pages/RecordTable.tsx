/** Records of the gateway as a table: known members first, whatever else there is on demand. */
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import parts from '../parts/parts.module.css';

export interface Column<T> { title: string; cell: (item: T) => ReactNode }

/** Rows beyond the screen are not in the page; the space above and below stands for them. */
export function RecordTable<T>({ caption, items, columns }: { caption: string; items: T[]; columns: Column<T>[] }) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(body.current?.offsetTop ?? 0), []);
  const rows = useWindowVirtualizer({ count: items.length, estimateSize: () => 46, overscan: 20, scrollMargin: top });
  const shown = rows.getVirtualItems();
  const before = (shown[0]?.start ?? top) - top;
  const after = rows.getTotalSize() - ((shown.at(-1)?.end ?? top) - top);
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={body} className={`${parts.card} ${parts.tableFrame}`} role="region" aria-label={caption} tabIndex={0}>
      <table className={parts.table} aria-rowcount={items.length + 1}>
        <caption className="visually-hidden">{caption}</caption>
        <thead><tr>{columns.map(({ title }) => <th key={title} scope="col">{title}</th>)}</tr></thead>
        <tbody>
          {before > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: before, padding: 0 }} /></tr>}
          {shown.map((row) => {
            const item = items[row.index];
            return item !== undefined && <tr key={row.key} ref={rows.measureElement} data-index={row.index} aria-rowindex={row.index + 2}>{columns.map(({ title, cell }) => <td key={title}>{cell(item)}</td>)}</tr>;
          })}
          {after > 0 && <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: after, padding: 0 }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
