/** The scripts of the pages that everybody opens, and which of them an address needs. */
export const loadApiPage = () => import('./pages/apis/ApiPage');
export const loadPoliciesTab = () => import('./pages/policies/PoliciesTab');

/** The API whose page is at this address. */
export function apiAt(pathname: string): { id?: string; tab?: string } {
  const [, page, id, tab] = pathname.split('/');
  return page === 'apis' && id && id !== 'new' ? { id: decodeURIComponent(id), tab } : {};
}
