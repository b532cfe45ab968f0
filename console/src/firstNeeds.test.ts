import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import { policies } from './api/queries';
import { readFirstNeeds } from './firstData';
import { askForFirstNeeds } from './firstNeeds';
import { placeAt } from './scripts';

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
  const place = placeAt({ pathname: '/apis/shop%3A1.0/policies', search: '?level=operation' });
  askForFirstNeeds(place);
  const ahead = [...asked];
  const client = new QueryClient();
  await readFirstNeeds(client, place);
  expect(ahead).toHaveLength(5);
  expect(asked).toEqual(ahead);
  await client.fetchQuery(policies('shop:1.0'));
  expect(asked).toHaveLength(6);
});

test('what the list reads is what was asked for ahead', async () => {
  const asked = answering();
  const place = placeAt({ pathname: '/apis', search: '?q=%20a%20b' });
  askForFirstNeeds(place);
  await readFirstNeeds(new QueryClient(), place);
  expect(asked).toEqual(['/api/v1/me', '/api/v1/apis?q=a+b&limit=200&offset=0']);
});

test('an answer that nobody can read does not keep the page from being shown', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('no', { status: 404 })));
  const place = placeAt({ pathname: '/apis/gone', search: '' });
  askForFirstNeeds(place);
  await expect(readFirstNeeds(new QueryClient({ defaultOptions: { queries: { retry: false } } }), place)).resolves.toBeUndefined();
});
