/** The scripts of the pages that everybody opens, and which of them a place needs. */
export const loadApiPage = () => import('./pages/apis/ApiPage');
export const loadPoliciesTab = () => import('./pages/policies/PoliciesTab');

/** Where a person is: with the list of APIs and what is searched for there, or on a tab of one API. */
export interface Place { q?: string; id?: string; tab?: string }

export function placeAt({ pathname, search }: { pathname: string; search: string }): Place {
  if (pathname === '/' || pathname === '/apis') return { q: new URLSearchParams(search).get('q')?.trim() ?? '' };
  const [, page, id, tab] = pathname.split('/');
  return page === 'apis' && id && id !== 'new' ? { id: decodeURIComponent(id), tab } : {};
}
