import { describe, expect, it } from 'vitest';
import { applicationOf, fieldOf, fieldsOf, rebased } from './application';

const WRITTEN = { name: 'shop', id: 7, uuid: 'u-1', clientIds: ['shop-1'], attributes: { level: 3 } };
const SHOP = { ...WRITTEN, apiKeys: [{ id: 'k' }] };

describe('a client application', () => {
  it('comes out of the form as it went in, without its API keys', () => {
    expect(applicationOf(fieldsOf(SHOP), SHOP)).toEqual(WRITTEN);
    expect(applicationOf({ ...fieldsOf(null), name: ' x ', tier: 'Gold' }, null)).toEqual({ name: 'x', tier: 'Gold' });
  });

  it('keeps what somebody else has changed in the meantime', () => {
    const now = { ...SHOP, tier: 'Gold', clientIds: ['shop-1', 'shop-2'] };
    expect(rebased(SHOP, { ...SHOP, owner: 'alice' }, now)).toEqual({ ...now, owner: 'alice' });
    expect(rebased({ ...SHOP, owner: 'bob' }, SHOP, { ...now, owner: 'bob' })).toEqual(now);
  });

  it('keeps a value that is not shown until another one is typed', () => {
    const secret = { name: 'shop', attributes: { token: '(not shown)', team: 'x' } };
    const fields = fieldsOf(secret);
    expect(fields.attributes[0]).toEqual({ name: 'token', value: '', isHidden: true });
    expect(applicationOf(fields, secret)).toEqual(secret);
    const typed = { ...fields, attributes: fields.attributes.map((row) => ({ ...row, value: 'y' })) };
    expect(applicationOf(typed, secret).attributes).toEqual({ token: 'y', team: 'y' });
  });

  it('finds the field of a diagnostic', () => {
    const at = (pointer: string) => fieldOf({ severity: 'error', code: '', message: '', pointer });
    expect([at('/clientIds/0'), at('/subscriptions/1/api')]).toEqual(['clientIds/0', 'subscriptions/1/api']);
  });
});
