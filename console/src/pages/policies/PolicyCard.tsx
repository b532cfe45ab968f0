/** One attached policy in a lane: what it does in a line, to drag, to open, to move, to remove. */
import { useDraggable, useDroppable } from '@dnd-kit/core';
import { ActionIcon, Menu } from '@mantine/core';
import { IconArrowsMove, IconDots, IconGripVertical, IconPencil, IconTrash } from '@tabler/icons-react';
import type { Policy, PolicyType } from '../../api/types';
import { headerOf, idOf, isBackendJwt, isSwitchedOff, typeOf, type Spot } from '../../model/policies';
import { durationText } from '../../model/format';
import { Chip } from '../../parts/Chip';
import { usePolicyActions } from './actions';
import css from './policies.module.css';

interface CardProps { policy: Policy; spot: Spot; types: PolicyType[]; readOnly: boolean }

export function PolicyCard({ policy, spot, types, readOnly }: CardProps) {
  const actions = usePolicyActions();
  const type = typeOf(policy, types);
  const title = type?.title ?? policy.policyName;
  const id = `card:${idOf(spot)}:${spot.index}`;
  const drag = useDraggable({ id, data: { kind: 'card', policy, spot, title }, disabled: readOnly });
  const drop = useDroppable({ id: `before:${id}`, data: { spot }, disabled: readOnly });
  const summary = summaryOf(policy, type);
  return (
    <div ref={drop.setNodeRef} className={css.card} data-over={drop.isOver || undefined} data-dragging={drag.isDragging || undefined}>
      {!readOnly && (
        <button type="button" ref={drag.setNodeRef} className={css.grip} aria-label={`Drag ${title}`} {...drag.attributes} {...drag.listeners}>
          <IconGripVertical size={16} aria-hidden="true" />
        </button>
      )}
      <div className={css.cardText}>
        {readOnly
          ? <strong>{title}</strong>
          : <button type="button" className={css.cardOpen} onClick={() => actions.open(spot, policy)}>{title}</button>}
        <span className="soft break">{summary}</span>
      </div>
      {isSwitchedOff(policy) && <Chip tone="warn">Off</Chip>}
      {!readOnly && (
        <Menu>
          <Menu.Target>
            <ActionIcon aria-label={`Actions for ${title}`}><IconDots size={16} /></ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => actions.open(spot, policy)}>Configure</Menu.Item>
            {spot.level === 'operation' && (
              <Menu.Item leftSection={<IconArrowsMove size={16} />} onClick={() => actions.moveToApi(spot, policy)}>Move to API level</Menu.Item>
            )}
            <Menu.Item leftSection={<IconTrash size={16} />} color="red.8" onClick={() => actions.remove(spot, policy)}>Remove</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </div>
  );
}

function summaryOf(policy: Policy, type: PolicyType | undefined): string {
  const parameters = policy.parameters ?? {};
  if (!isBackendJwt(policy)) {
    const shown = Object.values(parameters).filter((value) => typeof value !== 'object').slice(0, 2);
    return shown.join(': ') || type?.about || '';
  }
  const defaults = type?.defaults ?? {};
  const algorithm = String(parameters.signingAlgorithm ?? defaults.signingAlgorithm ?? '');
  const lifetime = Number(parameters.tokenTTL ?? defaults.tokenTTL);
  return [headerOf(policy, defaults), algorithm, Number.isFinite(lifetime) ? durationText(lifetime) : ''].filter(Boolean).join(' · ');
}
