/** JSON pointers (RFC 6901) of diagnostics, brought to the fields of a form. */
import type { Diagnostic } from '../api/types';
import type { Spot } from './policies';

function unescaped(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

export function segmentsOf(pointer: string): string[] {
  return pointer.split('/').slice(1).map(unescaped);
}

/** Which field of the policy at `spot` a diagnostic is about; null when it is about something else. */
export function fieldOf({ pointer }: Diagnostic, spot: Spot): string | null {
  if (!pointer) return null;
  const segments = segmentsOf(pointer);
  const from = segments[0] === 'policies' ? segments.slice(1) : segments;
  const place = spot.level === 'api' ? ['api'] : ['operations', spot.key];
  const expected = [...place, spot.flow, String(spot.index)];
  if (!expected.every((segment, at) => from[at] === segment)) return null;
  const rest = from.slice(expected.length);
  return (rest[0] === 'parameters' ? rest[1] : rest[0]) ?? '';
}

export interface SortedDiagnostics { fields: Record<string, Diagnostic[]>; others: Diagnostic[] }

/** Sorts diagnostics into those at fields that the form shows, and the rest. */
export function sorted(diagnostics: Diagnostic[], spot: Spot, shown: string[]): SortedDiagnostics {
  const fields: Record<string, Diagnostic[]> = {};
  const others: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    const field = fieldOf(diagnostic, spot);
    if (field && shown.includes(field)) (fields[field] ??= []).push(diagnostic);
    else others.push(diagnostic);
  }
  return { fields, others };
}
