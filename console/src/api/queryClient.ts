/** What is known of the gateway's answers, how long it holds, and which questions are worth repeating. */
import { QueryCache, QueryClient } from '@tanstack/react-query';
import { Problem } from './client';
import { me } from './queries';

export function newQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    // Whatever is asked after a session's end: the question who is there is asked again, and leads to the login.
    queryCache: new QueryCache({
      onError: (error, query) => { if (isLoggedOut(error) && query.queryKey[0] !== 'me') void client.invalidateQueries(me); },
    }),
    defaultOptions: {
      queries: { retry: isWorthRetrying, retryDelay: (attempt) => 500 * 2 ** attempt, refetchOnWindowFocus: true, staleTime: 2000 },
    },
  });
  return client;
}

export function isLoggedOut(error: unknown): boolean {
  return error instanceof Problem && error.status === 401;
}

/** Only what may pass by itself: no answer, or a server's fault. A 4xx says the same twice. */
function isWorthRetrying(count: number, error: unknown): boolean {
  const isPassing = error instanceof Problem && (error.status === 0 || error.status >= 500);
  return isPassing && count < 2;
}
