import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import { api, apis, me, operations, policies, policyTypes } from './api/queries';
import { askForFirstNeeds } from './firstNeeds';

function answering(): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (address: string) => {
    asked.push(address);
    return Promise.resolve(new Response(JSON.stringify({ items: [], total: 0 })));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test('what the policies page reads is what was asked for ahead, once', async () => {
  const asked = answering();
  askForFirstNeeds('/apis/shop%3A1.0/policies', '?level=operation');
  const ahead = [...asked];
  const client = new QueryClient();
  const id = 'shop:1.0';
  await Promise.all([
    client.fetchQuery(me), client.fetchQuery(api(id)), client.fetchQuery(operations(id)), client.fetchQuery(policies(id)),
    client.fetchQuery(policyTypes),
  ]);
  expect(ahead).toHaveLength(5);
  expect(asked).toEqual(ahead);
  await client.fetchQuery(policies(id));
  expect(asked).toHaveLength(6);
});

test('what the list reads is what was asked for ahead', async () => {
  const asked = answering();
  askForFirstNeeds('/apis', '?q=%20a%20b');
  const client = new QueryClient();
  await Promise.all([client.fetchQuery(me), client.fetchInfiniteQuery(apis('a b'))]);
  expect(asked).toEqual(['/api/v1/me', '/api/v1/apis?q=a+b&limit=200&offset=0']);
});
