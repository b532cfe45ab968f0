/** Asks for what the first page needs, scripts and data, while the page itself still loads: they do not wait for `/me`. */
import type { QueryClient } from '@tanstack/react-query';
import { api, apis, me, operations, policies, policyTypes } from './api/queries';

// The pages that everybody opens, each a script of its own.
export const loadApiPage = () => import('./pages/apis/ApiPage');
export const loadPoliciesTab = () => import('./pages/policies/PoliciesTab');

export function prefetchFor(pathname: string, search: string, client: QueryClient): void {
  void client.prefetchQuery(me);
  if (pathname === '/' || pathname === '/apis') {
    void client.prefetchInfiniteQuery(apis(new URLSearchParams(search).get('q') ?? ''));
    return;
  }
  const [, page, id, tab] = pathname.split('/');
  if (page !== 'apis' || !id || id === 'new') return;
  const name = decodeURIComponent(id);
  void client.prefetchQuery(api(name));
  if (tab === 'policies') prefetchPolicies(name, client);
  void loadApiPage();
  if (tab === 'policies') void loadPoliciesTab();
}

/** What the policies page shows, all at once. */
export function prefetchPolicies(id: string, client: QueryClient): void {
  void client.prefetchQuery(operations(id));
  void client.prefetchQuery(policies(id));
  void client.prefetchQuery(policyTypes);
}
