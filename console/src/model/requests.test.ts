import { expect, test } from 'vitest';
import { isForwarded } from './requests';

test('a call went on when it was answered well, or handed to Envoy', () => {
  expect(isForwarded({ status: 204, outcome: 'answered' })).toBe(true);
  expect(isForwarded({ status: 0, outcome: 'allowed' })).toBe(true);
  expect(isForwarded({ status: 502, outcome: 'answered' })).toBe(false);
  expect(isForwarded({ status: 401, outcome: 'unauthorized' })).toBe(false);
  expect(isForwarded({ status: 0, outcome: 'abandoned' })).toBe(false);
});
