/** What became of a call, by its record. */
import type { RequestRecord } from '../api/types';

/** True for a call that went on and was answered well, as far as the gateway knows: of one that Envoy forwards, Envoy does. */
export function isForwarded({ status, outcome }: Pick<RequestRecord, 'status' | 'outcome'>): boolean {
  return outcome === 'allowed' || (outcome === 'answered' && status < 400);
}
