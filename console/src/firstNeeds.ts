/** What the page at an address needs: asked for while the application itself still loads. */
import { ALL, PAGE, askAhead, segment } from './api/client';
import { apiAt, loadApiPage, loadPoliciesTab } from './scripts';

/** Scripts first: a browser opens six connections to a gateway, and answers take longer than files. */
export function loadFirstScripts(pathname: string): void {
  const { id, tab } = apiAt(pathname);
  if (id !== undefined) void loadApiPage();
  if (id !== undefined && tab === 'policies') void loadPoliciesTab();
}

export function askForFirstNeeds(pathname: string, search: string): void {
  askAhead('/me');
  if (pathname === '/' || pathname === '/apis') {
    askAhead('/apis', { q: new URLSearchParams(search).get('q')?.trim(), limit: PAGE, offset: 0 });
    return;
  }
  const { id, tab } = apiAt(pathname);
  if (id === undefined) return;
  const path = `/apis/${segment(id)}`;
  askAhead(path);
  if (tab !== 'policies') return;
  askAhead(`${path}/policies`);
  askAhead('/policy-types');
  askAhead(`${path}/operations`, { limit: ALL, offset: 0 });
}
