/** A signing key's life as steps, and what may be done with it at each. */
import type { KeyAction } from '../api/changes';
import type { KeyState, SigningKey } from '../api/types';

export interface Step { title: string; at: number | string | null; is: 'past' | 'now' | 'later' }

const ORDER: KeyState[] = ['announced', 'active', 'retired', 'gone'];

export function lifeOf({ state, announcedAt, activeAt, retiredAt, goneAt }: SigningKey): Step[] {
  const times = [announcedAt, activeAt, retiredAt, goneAt];
  const at = ORDER.indexOf(state === 'revoked' ? 'gone' : state);
  const titles = ['Announced', 'Active', 'Retired', state === 'revoked' ? 'Revoked' : 'Gone'];
  return titles.map((title, step) => ({ title, at: times[step] ?? null, is: step < at ? 'past' : step === at ? 'now' : 'later' }));
}

export function actionsOf({ state }: SigningKey): KeyAction[] {
  if (state === 'announced') return ['activate', 'revoke'];
  if (state === 'active') return ['retire', 'revoke'];
  return state === 'retired' ? ['revoke'] : [];
}
