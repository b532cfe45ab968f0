import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../api/types';
import { fieldOf, sorted } from './pointer';
import type { Spot } from './policies';

const SPOT: Spot = { level: 'operation', key: 'GET /orders/{id}', flow: 'request', index: 1 };
const at = (pointer: string | null): Diagnostic => ({ severity: 'error', code: 'invalid-value', message: 'm', pointer });

describe('a diagnostic', () => {
  it.each([
    ['/operations/GET ~1orders~1{id}/request/1/parameters/tokenTTL', 'tokenTTL'],
    ['/policies/operations/GET ~1orders~1{id}/request/1/parameters/claims/0', 'claims'],
    ['/operations/GET ~1orders~1{id}/request/1/policyName', 'policyName'],
    ['/operations/GET ~1orders~1{id}/request/0/parameters/tokenTTL', null],
    ['/operations/GET ~1other/request/1/parameters/tokenTTL', null],
    ['/api/request/1/parameters/tokenTTL', null],
    [null, null],
  ])('at %s belongs to the field %s', (pointer, field) => {
    expect(fieldOf(at(pointer), SPOT)).toBe(field);
  });

  it('goes to its field where the form shows it, and to the top where not', () => {
    const shown = at('/operations/GET ~1orders~1{id}/request/1/parameters/header');
    const hidden = at('/operations/GET ~1orders~1{id}/request/1/parameters/surprise');
    expect(sorted([shown, hidden], SPOT, ['header'])).toEqual({ fields: { header: [shown] }, others: [hidden] });
  });
});
