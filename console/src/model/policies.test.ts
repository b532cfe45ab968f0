import { describe, expect, it } from 'vitest';
import type { Policy, PolicySet, PolicyType } from '../api/types';
import {
  appliedToAll, conflictsOf, inserted, isEqual, isSameHeader, moved, refusalOf, removed, typeOf, type Spot,
} from './policies';

const DEFAULTS = { header: 'X-JWT-Assertion', tokenTTL: 3600 };
const jwt = (parameters: Record<string, unknown> = {}): Policy => ({ policyName: 'BackendJwt', parameters });
const set = (api: Policy[], operations: Record<string, Policy[]> = {}): PolicySet => ({
  api: { request: api, response: [] },
  operations: Object.fromEntries(Object.entries(operations).map(([key, request]) => [key, { request, response: [] }])),
});
const api = (index: number): Spot => ({ level: 'api', flow: 'request', index });
const operation = (key: string, index: number): Spot => ({ level: 'operation', key, flow: 'request', index });

describe('moving', () => {
  const [a, b, c] = [jwt({ header: 'X-A' }), jwt({ header: 'X-B' }), jwt({ header: 'X-C' })];

  it('goes forward within a lane without skipping one', () => {
    expect(moved(set([a, b, c]), api(0), api(2)).api.request).toEqual([b, a, c]);
  });

  it('goes back within a lane', () => {
    expect(moved(set([a, b, c]), api(2), api(0)).api.request).toEqual([c, a, b]);
  });

  it('goes from an operation to the API and leaves the operation', () => {
    const after = moved(set([a], { 'GET /x': [b] }), operation('GET /x', 0), api(1));
    expect(after).toEqual(set([a, b], { 'GET /x': [] }));
  });

  it('leaves the set alone when there is nothing at the spot', () => {
    const before = set([a]);
    expect(moved(before, api(5), api(0))).toBe(before);
  });
});

describe('dropping', () => {
  const type = { title: 'Backend JWT', flows: ['request'] } as PolicyType;

  it('is refused in a flow that the policy does not know', () => {
    expect(refusalOf(type, { level: 'api', flow: 'response' })).toBe('Backend JWT belongs in the request flow.');
    expect(refusalOf(type, { level: 'api', flow: 'request' })).toBeNull();
  });

  it('makes the lists of an operation that had none', () => {
    expect(inserted(set([]), operation('GET /x', 0), jwt())).toEqual(set([], { 'GET /x': [jwt()] }));
    expect(removed(set([], { 'GET /x': [jwt()] }), operation('GET /x', 0))).toEqual(set([], { 'GET /x': [] }));
  });

  it('knows a policy by each of its spellings', () => {
    const types = [{ name: 'BackendJwt' }] as PolicyType[];
    for (const policyName of ['BackendJwt', 'BackendJWT', 'backend-jwt']) expect(typeOf({ policyName }, types)).toBe(types[0]);
  });
});

describe('conflicts', () => {
  it('are headers that careless servers take for one', () => {
    expect(conflictsOf([jwt(), jwt({ header: 'x_jwt_assertion' })], DEFAULTS)).toEqual(['x_jwt_assertion']);
    expect(conflictsOf([jwt(), jwt({ header: 'X-Other' })], DEFAULTS)).toEqual([]);
    expect(isSameHeader('X-JWT-Assertion', 'x_jwt.assertion')).toBe(true);
  });
});

describe('apply to all', () => {
  const policy = jwt({ tokenTTL: 60 });

  it('replaces the one with the same header, keeps one with another, adds where there is none', () => {
    const other = jwt({ header: 'X-Other' });
    const before = set([], { 'GET /a': [other, jwt()], 'GET /b': [other] });
    const { set: after, replaces, adds } = appliedToAll(before, ['GET /a', 'GET /b', 'GET /c'], 'request', policy, DEFAULTS);
    expect(after).toEqual(set([], { 'GET /a': [other, policy], 'GET /b': [other, policy], 'GET /c': [policy] }));
    expect(replaces).toEqual([{ key: 'GET /a', policy: jwt() }]);
    expect(adds).toEqual(['GET /b', 'GET /c']);
  });

  it('does not name an operation that has the very policy', () => {
    const same = { policyName: 'BackendJwt', parameters: { tokenTTL: 60 } };
    const { replaces, adds } = appliedToAll(set([], { 'GET /a': [same] }), ['GET /a'], 'request', policy, DEFAULTS);
    expect([replaces, adds]).toEqual([[], []]);
  });
});

describe('equality', () => {
  it('does not depend on the order of members, and does on that of lists', () => {
    expect(isEqual({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
    expect(isEqual({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
    expect(isEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  });
});
