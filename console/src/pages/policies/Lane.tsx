/** A flow with its policies in order: request from client to backend, response the other way. */
import { useDndContext, useDroppable } from '@dnd-kit/core';
import { IconArrowLeft, IconArrowRight } from '@tabler/icons-react';
import type { Flow, Policy, PolicyLists, PolicyType } from '../../api/types';
import { conflictsOf, idOf, refusalOf, typeOf, type Level, type Place } from '../../model/policies';
import { PolicyCard } from './PolicyCard';
import css from './policies.module.css';

interface LanesProps { level: Level; lists: PolicyLists; types: PolicyType[]; readOnly: boolean }

export function Lanes({ level, lists, types, readOnly }: LanesProps) {
  return (
    <div className={css.lanes}>
      {(['request', 'response'] as const).map((flow) => (
        <Lane key={flow} heading={level.level === 'api' ? 'h3' : 'h4'} place={{ ...level, flow }} list={lists[flow]} types={types} readOnly={readOnly} />
      ))}
    </div>
  );
}

const ENDS: Record<Flow, { title: string; from: string; to: string }> = {
  request: { title: 'Request flow', from: 'Client', to: 'Backend' },
  response: { title: 'Response flow', from: 'Client', to: 'Backend' },
};

interface LaneProps { heading: 'h3' | 'h4'; place: Place; list: Policy[]; types: PolicyType[]; readOnly: boolean }

function Lane({ heading: Heading, place, list, types, readOnly }: LaneProps) {
  const { active } = useDndContext();
  const { setNodeRef, isOver } = useDroppable({
    id: `lane:${idOf(place)}`, data: { spot: { ...place, index: list.length } }, disabled: readOnly,
  });
  const dragged = active ? draggedType(active.data.current, types) : undefined;
  const refusal = dragged ? refusalOf(dragged, place) : null;
  const ends = ENDS[place.flow];
  const Arrow = place.flow === 'request' ? IconArrowRight : IconArrowLeft;
  const defaults = types.find((type) => type.name === 'BackendJwt')?.defaults ?? {};
  const conflicts = place.flow === 'request' ? conflictsOf(list, defaults) : [];
  return (
    <section className={css.lane} aria-label={ends.title}>
      <div className={css.laneHead}>
        <Heading>{ends.title}</Heading>
        <span className={css.road} aria-hidden="true"><span>{ends.from}</span><span className={css.line} data-flow={place.flow}><Arrow size={15} /></span><span>{ends.to}</span></span>
      </div>
      <div ref={setNodeRef} className={css.zone} data-over={(isOver && !refusal) || undefined} data-ready={(dragged && !refusal) || undefined} data-refused={(dragged && refusal) || undefined}>
        {list.map((policy, index) => (
          <PolicyCard key={`${policy.policyId ?? policy.policyName}-${index}`} policy={policy} spot={{ ...place, index }} types={types} readOnly={readOnly} />
        ))}
        {refusal && <p className={css.refusal}>{refusal}</p>}
        {!refusal && list.length === 0 && <p className={css.zoneHint}>{emptyText(place.flow, readOnly)}</p>}
      </div>
      {conflicts.map((header) => (
        <p key={header} className={css.conflict} role="alert">Two policies here write {header}. A request can carry it once: give one of them another header, or remove it.</p>
      ))}
    </section>
  );
}

function emptyText(flow: Flow, readOnly: boolean): string {
  if (readOnly) return 'No policy here.';
  return flow === 'request' ? 'Drop a policy here to run it before the backend is called.' : 'Drop a policy here to run it on the way back.';
}

function draggedType(data: Record<string, unknown> | undefined, types: PolicyType[]): PolicyType | undefined {
  if (data?.kind === 'type') return data.type as PolicyType;
  if (data?.kind === 'card') return typeOf(data.policy as Policy, types);
  return undefined;
}
