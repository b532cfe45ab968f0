/** What stands for a value that is not this person's to read. */
import type { MaskedValue } from '../api/types';
import { plural } from './format';

export function isMasked(value: unknown): value is MaskedValue {
  return value !== null && typeof value === 'object' && (value as MaskedValue).masked === true;
}

export function maskText({ type, length, count }: MaskedValue): string {
  if (count !== undefined) return `masked: ${type}, ${plural(count, 'value')}`;
  return length === undefined ? `masked: ${type}` : `masked: ${type}, ${plural(length, 'character')}`;
}
