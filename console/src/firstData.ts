/** Reads what `firstNeeds.ts` has asked for, so that the first page is drawn once, with its data. */
import type { QueryClient } from '@tanstack/react-query';
import { api, apis, me, operations, policies, policyTypes } from './api/queries';
import type { Place } from './scripts';

/** Resolves when all of it is there or has failed: then the page says so. */
export async function readFirstNeeds(client: QueryClient, { q, id, tab }: Place): Promise<void> {
  const asked = [client.prefetchQuery(me)];
  if (q !== undefined) asked.push(client.prefetchInfiniteQuery(apis(q)));
  if (id !== undefined) asked.push(client.prefetchQuery(api(id)));
  if (id !== undefined && tab === 'policies') {
    asked.push(client.prefetchQuery(policies(id)), client.prefetchQuery(policyTypes), client.prefetchQuery(operations(id)));
  }
  await Promise.all(asked);
}
