/** One operation: a line that opens into its flows and what its backend receives. */
import { useDroppable } from '@dnd-kit/core';
import { IconChevronRight } from '@tabler/icons-react';
import { memo } from 'react';
import type { Operation, PolicyType } from '../../api/types';
import { isBackendJwt } from '../../model/policies';
import { Chip, Verb } from '../../parts/Chip';
import { EffectiveTable } from './EffectiveTable';
import { Lanes } from './Lane';
import css from './policies.module.css';

interface RowProps { operation: Operation; types: PolicyType[]; isOpen: boolean; readOnly: boolean; onToggle: (key: string) => void }

const SECURED = { secured: null, optional: 'Caller optional', open: 'Open to all' } as const;

export const OperationRow = memo(function OperationRow({ operation, types, isOpen, readOnly, onToggle }: RowProps) {
  const { key, verb, target, policies } = operation;
  const { setNodeRef, isOver } = useDroppable({
    id: `row:${key}`,
    data: { spot: { level: 'operation', key, flow: 'request', index: policies.request.length } },
    disabled: readOnly || isOpen,
  });
  const panel = `operation-${key.replace(/[^a-z0-9]/gi, '-')}`;
  return (
    <div className={css.operation} data-verb={verb} data-over={isOver || undefined}>
      <h3 className={css.operationHead} ref={setNodeRef}>
        <button type="button" className={css.toggle} aria-expanded={isOpen} aria-controls={panel} onClick={() => onToggle(key)}>
          <IconChevronRight size={17} className={css.chevron} aria-hidden="true" />
          <Verb verb={verb} />
          <span className={`mono break ${css.target}`}>{target}</span>
          <span className={css.summary}>
            {SECURED[operation.secured] && <Chip>{SECURED[operation.secured]}</Chip>}
            <Effective operation={operation} />
          </span>
        </button>
      </h3>
      {isOpen && (
        <div id={panel} className={css.panel}>
          <Lanes level={{ level: 'operation', key }} lists={policies} types={types} readOnly={readOnly} />
          <h4 className={css.effectiveTitle}>What the backend receives</h4>
          <EffectiveTable effective={operation.effective} caption={`Effective policies of ${key}`} />
        </div>
      )}
    </div>
  );
});

const FROM = { gateway: 'from the gateway', api: 'from the API', operation: 'its own' } as const;

function Effective({ operation: { effective } }: { operation: Operation }) {
  const tokens = effective.filter((policy) => isBackendJwt(policy) && !policy.off);
  if (tokens.length === 0) return <Chip tone="warn" dot>No Backend JWT</Chip>;
  return (
    <>
      {tokens.slice(0, 2).map((policy, at) => (
        <Chip key={at} tone={policy.from === 'operation' ? 'good' : 'plain'}>{policy.header}, {FROM[policy.from]}</Chip>
      ))}
      {tokens.length > 2 && <Chip>and {tokens.length - 2} more</Chip>}
    </>
  );
}
