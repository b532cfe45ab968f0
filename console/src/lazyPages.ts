/** The pages that everybody opens, and those of them that an address needs first. */
import { apiAt, loadApiPage, loadPoliciesTab } from './scripts';
import { lazily } from './parts/lazily';

export const apiPage = lazily(async () => (await loadApiPage()).ApiPage);
export const policiesTab = lazily(async () => (await loadPoliciesTab()).PoliciesTab);

export async function loadFirstPages(pathname: string): Promise<void> {
  const { id, tab } = apiAt(pathname);
  await Promise.all([id && apiPage.load(), id && tab === 'policies' && policiesTab.load()]);
}
