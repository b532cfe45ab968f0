/**
 * One edit of a file's policies, as data.
 *
 * It is applied to the newest file when it is saved: when somebody else has saved in between, neither loses work.
 */
import type { Flow, Policy, PolicySet } from '../../api/types';
import {
  appliedToAll, inserted, isEqual, listAt, moved, removed, replaced, type AppliedToAll, type Spot,
} from '../../model/policies';

export type Edit =
  | { kind: 'insert'; spot: Spot; policy: Policy }
  | { kind: 'replace'; spot: Spot; before: Policy; policy: Policy }
  | { kind: 'remove'; spot: Spot; before: Policy }
  | { kind: 'move'; spot: Spot; before: Policy; to: Spot }
  | { kind: 'applyToAll'; keys: string[]; flow: Flow; policy: Policy; instead: Edit | null; defaults: Record<string, unknown> };

/** Returns the set after the edit; null when what it changes is no longer there. */
export function applied(set: PolicySet, edit: Edit): PolicySet | null {
  if (edit.kind === 'insert') {
    const index = Math.min(edit.spot.index, listAt(set, edit.spot).length);
    return inserted(set, { ...edit.spot, index }, edit.policy);
  }
  if (edit.kind === 'applyToAll') return toAll(set, edit)?.set ?? null;
  const spot = found(set, edit.spot, edit.before);
  if (!spot) return null;
  if (edit.kind === 'replace') return replaced(set, spot, edit.policy);
  if (edit.kind === 'remove') return removed(set, spot);
  return moved(set, spot, { ...edit.to, index: Math.min(edit.to.index, listAt(set, edit.to).length) });
}

/** What *Apply to all* would do: the edit of the policy itself comes first, so that it is not its own neighbour. */
export function toAll(set: PolicySet, edit: Extract<Edit, { kind: 'applyToAll' }>): AppliedToAll | null {
  const base = edit.instead ? applied(set, edit.instead) : set;
  return base && appliedToAll(base, edit.keys, edit.flow, edit.policy, edit.defaults);
}

/** Where a policy is now: at its old index, or wherever an equal one stands. */
function found(set: PolicySet, spot: Spot, before: Policy): Spot | null {
  const list = listAt(set, spot);
  if (isEqual(list[spot.index], before)) return spot;
  const index = list.findIndex((policy) => isEqual(policy, before));
  return index < 0 ? null : { ...spot, index };
}
