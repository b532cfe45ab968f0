/** Every change that the console makes. Each refetches what it touched, and nothing else. */
import { queryOptions, useIsFetching, useIsMutating, useMutation, useQueryClient, type QueryKey } from '@tanstack/react-query';
import { Problem, call, segment, value, type Call } from './client';
import type { ApiSummary, Application, DryRun, LookedUp, NewApi, NewApiKey, PolicySet } from './types';

/** A change to a file, an API's or the operator's, as the page holds it: dry first, then for good with the same etag. */
export type FileChange =
  | { kind: 'policies'; set: PolicySet }
  | { kind: 'document'; text: string }
  | { kind: 'new application' | 'application'; application: Application }
  | { kind: 'no application' };

type Addressed = Pick<Call, 'method' | 'body'> & { path: string };

/** Where a change is sent; `id` is the API's or the application's. */
function addressed(id: string, change: FileChange): Addressed {
  switch (change.kind) {
    case 'policies': return { method: 'PUT', path: `/apis/${segment(id)}/policies`, body: { api: change.set.api, operations: change.set.operations } };
    case 'document': return { method: 'PUT', path: `/apis/${segment(id)}`, body: { document: change.text } };
    case 'new application': return { method: 'POST', path: '/applications', body: change.application };
    case 'application': return { method: 'PUT', path: `/applications/${segment(id)}`, body: change.application };
    case 'no application': return { method: 'DELETE', path: `/applications/${segment(id)}` };
  }
}

/** The query that has the file which a change is about. */
export function sourceOf(id: string, { kind }: FileChange): QueryKey {
  return kind === 'policies' || kind === 'document' ? ['api', id] : ['applications'];
}

/** What a change would do, asked once for each state of the file: whoever asks before the review has it in the cache. */
export const dryRun = (id: string, change: FileChange, etag: string | null) => queryOptions({
  queryKey: ['dry-run', id, change, etag],
  queryFn: ({ signal }) => {
    const { path, ...options } = addressed(id, change);
    return value<DryRun>(path, { ...options, etag, query: { dryRun: true }, signal }).then(accepted);
  },
  retry: false,
  staleTime: Infinity,
  gcTime: 5000,
});

export function dryRunNewApi(api: NewApi, signal?: AbortSignal): Promise<DryRun> {
  return value<DryRun>('/apis', { method: 'POST', body: api, query: { dryRun: true }, signal }).then(accepted);
}

/** A dry run answers 200 with its errors; the same change for good would be refused, and so it is here. */
function accepted(dry: DryRun): DryRun {
  if (dry.diagnostics.every(({ severity }) => severity === 'warning')) return dry;
  throw new Problem(422, 'refused', 'The gateway would refuse this', '', dry.diagnostics);
}

/** A mutation after which the queries under `touched` are read again; whoever waits for it does not wait for them. */
function useChange<Input, Output>(change: (input: Input) => Promise<Output>, touched: QueryKey[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => { for (const queryKey of touched) void client.invalidateQueries({ queryKey }); }
  });
}

const AFTER_A_FILE = [['apis'], ['history'], ['disclosures']];
const AFTER_A_KEY = [['keys'], ['jwks'], ['history'], ['policy-types']];

/** A save is over when the file is read again, lest the page that it leads back to shows how it was. */
export function useSaveFile(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ['save', id],
    mutationFn: async ({ change, etag }: { change: FileChange; etag: string | null }) => {
      const { path, ...options } = addressed(id, change);
      return call<unknown>(path, { ...options, etag });
    },
    onSettled: async (_answer, _error, { change }) => {
      for (const queryKey of AFTER_A_FILE) void client.invalidateQueries({ queryKey });
      await client.invalidateQueries({ queryKey: sourceOf(id, change) });
    },
  });
}

/** Whether an API is being saved or read: what of it has arrived may be of two states of its file. */
export function useIsOnTheWay(id: string): boolean {
  const saves = useIsMutating({ mutationKey: ['save', id] });
  const reads = useIsFetching({ queryKey: ['api', id] });
  return saves + reads > 0;
}

export function useCreateApi() {
  return useChange((api: NewApi) => value<ApiSummary>('/apis', { method: 'POST', body: api }), AFTER_A_FILE);
}

export function useDeleteApi(id: string) {
  return useChange((etag: string | null) => value<undefined>(`/apis/${segment(id)}`, { method: 'DELETE', etag }), AFTER_A_FILE);
}

export function useRestore(id: string) {
  return useChange(
    ({ n, etag }: { n: number; etag: string | null }) =>
      value<undefined>(`/apis/${segment(id)}/revisions/${n}/restore`, { method: 'POST', etag }),
    [['api', id], ...AFTER_A_FILE],
  );
}

export function useForget() {
  return useChange(
    ({ store, user }: { store: string; user?: string }) =>
      value<unknown>(`/stores/${segment(store)}/invalidate`, { method: 'POST', body: user ? { user } : {} }),
    [['stores']],
  );
}

export function useLookUp(store: string) {
  return useChange((user: string) => value<LookedUp>(`/stores/${segment(store)}/lookup`, { method: 'POST', body: { user } }), [['stores']]);
}

export function useAnnounceKey() {
  return useChange((algorithm: string) => value<unknown>('/keys', { method: 'POST', body: { algorithm } }), AFTER_A_KEY);
}

export type KeyAction = 'activate' | 'retire' | 'revoke';

export function useKeyAction() {
  return useChange(
    ({ kid, action }: { kid: string; action: KeyAction }) =>
      value<unknown>(`/keys/${segment(kid)}/${action}`, { method: 'POST', body: {} }),
    AFTER_A_KEY,
  );
}

export function useCreateApiKey() {
  return useChange((key: NewApiKey) => value<{ key: string }>('/api-keys', { method: 'POST', body: key }), [['applications'], ['history']]);
}

export function useDeleteApiKey() {
  return useChange(
    ({ application, id }: { application: string; id: string }) =>
      value<undefined>(`/api-keys/${segment(application)}/${segment(id)}`, { method: 'DELETE' }),
    [['applications'], ['history']],
  );
}

/** Ends the session, and forgets all that was read in it: the page starts anew. */
export function useLogOut() {
  return useMutation({ mutationFn: () => value<undefined>('/logout', { method: 'POST' }), onSuccess: () => location.assign('/') });
}
