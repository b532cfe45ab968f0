/** A store's answer to a test look-up, in words: whatever shape a value has, masked or not. */
import type { LookedUp } from '../api/types';
import { isMasked, maskText } from './masks';

const FOUND = 'found';
const NO_SUCH_USER = 'no such user';

export type LookUp = { is: 'found'; attributes: [string, string][] } | { is: 'no such user' } | { is: 'failed'; reason: string };

export function lookUpOf({ outcome, attributes = {} }: LookedUp): LookUp {
  if (outcome === FOUND) return { is: 'found', attributes: Object.entries(attributes).map(([name, value]) => [name, valueText(value)]) };
  return outcome === NO_SUCH_USER ? { is: 'no such user' } : { is: 'failed', reason: valueText(outcome) };
}

export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'object') return String(value);
  return isMasked(value) ? maskText(value) : JSON.stringify(value);
}
