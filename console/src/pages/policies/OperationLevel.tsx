/** All operations as lines that open. Only what is on the screen is in the page: an API may have thousands. */
import { Button, Group, TextInput } from '@mantine/core';
import { IconRoute, IconSearch } from '@tabler/icons-react';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Operation, PolicyType } from '../../api/types';
import { plural } from '../../model/format';
import { Empty } from '../../parts/Page';
import { OperationRow } from './OperationRow';
import css from './policies.module.css';

interface OperationLevelProps {
  operations: Operation[];
  types: PolicyType[];
  opened: ReadonlySet<string>;
  readOnly: boolean;
  onToggle: (key: string) => void;
}

export function OperationLevel({ operations, types, opened, readOnly, onToggle }: OperationLevelProps) {
  const [q, setQ] = useState('');
  const wanted = useDeferredValue(q.trim().toLowerCase());
  const shown = useMemo(() => operations.filter(({ key }) => key.toLowerCase().includes(wanted)), [operations, wanted]);
  if (operations.length === 0) {
    return <Empty icon={<IconRoute />} title="No operations yet">An operation is a verb and a path. Add some under <em>operations</em> on the Definition tab.</Empty>;
  }
  return (
    <div className={css.stack}>
      <h2 className="visually-hidden">Operations</h2>
      <Group justify="space-between" gap="sm">
        <TextInput className={css.find} value={q} onChange={(event) => setQ(event.currentTarget.value)} placeholder="Find by verb or path" aria-label="Find an operation" leftSection={<IconSearch size={16} />} />
        {wanted && <span className="soft" role="status">{plural(shown.length, 'operation')} found</span>}
      </Group>
      {shown.length === 0
        ? <p className="soft">No operation has “{q}” in its verb or path. <Button variant="subtle" size="compact-sm" onClick={() => setQ('')}>Show all</Button></p>
        : <Rows shown={shown} types={types} opened={opened} readOnly={readOnly} onToggle={onToggle} />}
    </div>
  );
}

function Rows({ shown, types, opened, readOnly, onToggle }: Omit<OperationLevelProps, 'operations'> & { shown: Operation[] }) {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const rows = useWindowVirtualizer({
    count: shown.length,
    estimateSize: (at) => (opened.has(shown[at]?.key ?? '') ? 420 : 54),
    overscan: 3,
    useFlushSync: false,
    scrollMargin: top,
    getItemKey: (at) => shown[at]?.key ?? at,
  });
  return (
    <div ref={list} className={css.rows} style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map((row) => {
        const operation = shown[row.index];
        return operation && (
          <div key={row.key} ref={rows.measureElement} data-index={row.index} className={css.row} style={{ transform: `translateY(${row.start - top}px)` }}>
            <OperationRow operation={operation} types={types} isOpen={opened.has(operation.key)} readOnly={readOnly} onToggle={onToggle} />
          </div>
        );
      })}
    </div>
  );
}
