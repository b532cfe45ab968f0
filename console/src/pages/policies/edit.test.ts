import { describe, expect, it } from 'vitest';
import type { Policy, PolicySet } from '../../api/types';
import { applied, type Edit } from './edit';

const jwt = (ttl: number): Policy => ({ policyName: 'BackendJwt', parameters: { tokenTTL: ttl } });
const header: Policy = { policyName: 'AddHeader', parameters: { headerName: 'X-A' } };
const set = (...request: Policy[]): PolicySet => ({ api: { request, response: [] }, operations: {} });
const spot = { level: 'api', flow: 'request', index: 0 } as const;

describe('an edit of a file that somebody else has saved', () => {
  const edit: Edit = { kind: 'replace', spot, before: jwt(300), policy: jwt(60) };

  it('finds its policy where it has gone', () => {
    expect(applied(set(header, jwt(300)), edit)).toEqual(set(header, jwt(60)));
  });

  it('is not forced onto a policy that they changed', () => {
    expect(applied(set(jwt(120)), edit)).toBeNull();
  });

  it('keeps what they added', () => {
    expect(applied(set(header), { kind: 'insert', spot: { ...spot, index: 5 }, policy: jwt(60) })).toEqual(set(header, jwt(60)));
  });

  it('applies to all on top of its own change', () => {
    const all: Edit = { kind: 'applyToAll', keys: ['GET /x'], flow: 'request', policy: jwt(60), instead: edit, defaults: {} };
    expect(applied(set(jwt(300)), all)).toEqual({ api: { request: [jwt(60)], response: [] }, operations: { 'GET /x': { request: [jwt(60)], response: [] } } });
  });
});
