/** The two levels as tabs, and which runs first. The API's tab takes a dropped policy too. */
import { useDndContext, useDroppable } from '@dnd-kit/core';
import { Tabs } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { countText } from '../../model/format';
import css from './policies.module.css';

export function LevelTabs({ level, onChange, operations }: { level: string; onChange: (level: string) => void; operations: number }) {
  const { active } = useDndContext();
  const { setNodeRef, isOver } = useDroppable({
    id: 'tab:api',
    data: { spot: { level: 'api', flow: 'request', index: Number.MAX_SAFE_INTEGER } },
    disabled: level === 'api',
  });
  return (
    <>
      <Tabs value={level} onChange={(value) => onChange(value ?? 'api')}>
        <Tabs.List aria-label="Level">
          <Tabs.Tab value="api" ref={setNodeRef} className={css.levelTab} data-over={isOver || undefined} data-ready={(active !== null && level !== 'api') || undefined}>API level</Tabs.Tab>
          <Tabs.Tab value="operation" className={css.levelTab}>Operation level <span className="soft">{countText(operations)}</span></Tabs.Tab>
        </Tabs.List>
      </Tabs>
      <p className={css.note}>
        <IconInfoCircle size={17} aria-hidden="true" />
        <span>API-level policies run first, then those of the operation. An operation’s Backend JWT replaces the API’s if it writes the same header.</span>
      </p>
    </>
  );
}
