/** What the page at an address needs: asked for while the application itself still loads. */
import { ALL, PAGE, askAhead, segment } from './api/client';
import { loadApiPage, loadPoliciesTab, type Place } from './scripts';

/** Scripts first: a browser opens six connections to a gateway, and answers take longer than files. */
export function loadFirstScripts({ id, tab }: Place): void {
  if (id !== undefined) void loadApiPage();
  if (id !== undefined && tab === 'policies') void loadPoliciesTab();
}

/** [`readFirstNeeds`](firstData.ts) reads the answers. */
export function askForFirstNeeds({ q, id, tab }: Place): void {
  askAhead('/me');
  if (q !== undefined) askAhead('/apis', { q, limit: PAGE, offset: 0 });
  if (id === undefined) return;
  const path = `/apis/${segment(id)}`;
  askAhead(path);
  if (tab !== 'policies') return;
  askAhead(`${path}/policies`);
  askAhead('/policy-types');
  askAhead(`${path}/operations`, { limit: ALL, offset: 0 });
}
