/** The pages that everybody opens, and those of them that a place needs first. */
import { loadApiPage, loadPoliciesTab, type Place } from './scripts';
import { lazily } from './parts/lazily';

export const apiPage = lazily(async () => (await loadApiPage()).ApiPage);
export const policiesTab = lazily(async () => (await loadPoliciesTab()).PoliciesTab);

export async function loadFirstPages({ id, tab }: Place): Promise<void> {
  await Promise.all([id && apiPage.load(), id && tab === 'policies' && policiesTab.load()]);
}
