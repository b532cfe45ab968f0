import { describe, expect, it } from 'vitest';
import { applicationOf, fieldOf, fieldsOf, hasHidden, rebased } from './application';

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

  it('says when a value is kept back', () => {
    expect([hasHidden(SHOP), hasHidden({ name: 'x', attributes: { token: '(not shown)' } })]).toEqual([false, true]);
  });

  it('finds the field of a diagnostic', () => {
    const at = (pointer: string) => fieldOf({ severity: 'error', code: '', message: '', pointer });
    expect([at('/clientIds/0'), at('/subscriptions/1/api')]).toEqual(['clientIds/0', 'subscriptions/1/api']);
  });
});
