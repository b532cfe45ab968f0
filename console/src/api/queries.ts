/** Every endpoint that the console reads, once, as a query; changes are in changes.ts. */
import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query';
import { ALL, PAGE, call, segment, value } from './client';
import type {
  Api, ApiSummary, Application, Change, Dialect, Disclosure, Issuer, List, Me, Operation, Policies, PolicyType,
  Preview, PreviewQuestion, RequestRecord, Revision, Shadow, ShadowQuestion, SigningKey, Store, Traffic,
} from './types';

const MINUTE = 60_000;

export const me = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => value<Me>('/me', { signal }),
  staleTime: MINUTE,
});

export const apis = (q: string) => infiniteQueryOptions({
  queryKey: ['apis', { q }],
  queryFn: ({ signal, pageParam }) =>
    value<List<ApiSummary>>('/apis', { signal, query: { q, limit: PAGE, offset: pageParam } }),
  initialPageParam: 0,
  getNextPageParam: nextOffset,
});

export const history = infiniteQueryOptions({
  queryKey: ['history'],
  queryFn: ({ signal, pageParam }) => value<List<Change>>('/history', { signal, query: { limit: PAGE, offset: pageParam } }),
  initialPageParam: 0,
  getNextPageParam: nextOffset,
});

/** Where the list goes on; nowhere when all of it is read. */
function nextOffset(last: List<unknown>, pages: List<unknown>[]): number | undefined {
  const seen = pages.reduce((sum, page) => sum + page.items.length, 0);
  return last.items.length > 0 && seen < last.total ? seen : undefined;
}

export const api = (id: string) => queryOptions({
  queryKey: ['api', id],
  queryFn: ({ signal }) => call<Api>(`/apis/${segment(id)}`, { signal }),
});

export const operations = (id: string) => queryOptions({
  queryKey: ['api', id, 'operations'],
  queryFn: ({ signal }) => everything<Operation>(`/apis/${segment(id)}/operations`, signal),
});

/** All items of a list that has more than one page. */
async function everything<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const page = await value<List<T>>(path, { signal, query: { limit: ALL, offset: items.length } });
    items.push(...page.items);
    if (page.items.length === 0 || items.length >= page.total) return items;
  }
}

export const policies = (id: string) => queryOptions({
  queryKey: ['api', id, 'policies'],
  queryFn: ({ signal }) => call<Policies>(`/apis/${segment(id)}/policies`, { signal }),
});

export const revisions = (id: string) => queryOptions({
  queryKey: ['api', id, 'revisions'],
  queryFn: ({ signal }) => value<List<Revision>>(`/apis/${segment(id)}/revisions`, { signal, query: { limit: PAGE } }),
});

export const policyTypes = queryOptions({
  queryKey: ['policy-types'],
  queryFn: async ({ signal }) => {
    const { items } = await value<List<PolicyType>>('/policy-types', { signal });
    return items;
  },
  staleTime: 5 * MINUTE,
});

export const preview = (question: PreviewQuestion) => queryOptions({
  queryKey: ['preview', question],
  queryFn: ({ signal }) => value<Preview>('/preview', { method: 'POST', body: question, signal }),
  staleTime: 10_000,
  gcTime: MINUTE,
  retry: false,
});

export const shadow = (question: ShadowQuestion) => queryOptions({
  queryKey: ['shadow', question],
  queryFn: ({ signal }) => value<Shadow>('/shadow', { method: 'POST', body: question, signal }),
  staleTime: 10_000,
  gcTime: MINUTE,
  retry: false,
});

function listOf<T>(name: string, path: string, staleTime = 0, refetchInterval: number | false = false) {
  return queryOptions({
    queryKey: [name],
    queryFn: ({ signal }) => value<List<T>>(path, { signal, query: { limit: PAGE } }),
    staleTime,
    refetchInterval,
  });
}

export const stores = listOf<Store>('stores', '/stores', 5000);
export const issuers = listOf<Issuer>('issuers', '/issuers', MINUTE);
export const dialects = listOf<Dialect>('dialects', '/dialects', MINUTE);
export const keys = listOf<SigningKey>('keys', '/keys', 5000);
export const requests = listOf<RequestRecord>('requests', '/requests', 0, 5000);
export const disclosures = listOf<Disclosure>('disclosures', '/disclosures', 5000);

/** With the etag of their file, which an edit needs. */
export const applications = queryOptions({
  queryKey: ['applications'],
  queryFn: ({ signal }) => call<List<Application>>('/applications', { signal, query: { limit: PAGE } }),
  staleTime: 5000,
});

export const traffic = queryOptions({
  queryKey: ['traffic'],
  queryFn: ({ signal }) => value<Traffic>('/traffic', { signal }),
  refetchInterval: 2000,
  staleTime: 0,
  gcTime: 0,
});

/** What the person at the screen may do; `owns` says of an API whether it is theirs to change. */
export function useRights() {
  const { data } = useQuery(me);
  const roles = data?.roles ?? [];
  const names = new Set([data?.name, ...(data?.groups ?? [])]);
  const isOperator = roles.includes('operator');
  const isAuthor = roles.includes('author') || isOperator;
  const owns = ({ owners }: { owners: string[] }) => isOperator || (isAuthor && owners.some((owner) => names.has(owner)));
  return { isAuthor, isOperator, owns };
}
