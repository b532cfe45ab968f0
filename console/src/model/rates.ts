/** Counters, read every two seconds, as rates. */
import type { Traffic } from '../api/types';
import { timeOf } from './format';

export type Counters = Pick<Traffic, 'at' | 'requests' | 'refusals' | 'mintLatency' | 'backendLatency' | 'hitRate'>;

export interface Sample {
  at: number;
  requests: number | null;
  refusals: Record<string, number>;
  mint50: number | null;
  mint99: number | null;
  backend50: number | null;
  backend99: number | null;
  hitRate: number | null;
  counted: { requests: number; refusals: Record<string, number> };
}

/** Five minutes at two seconds. */
export const MOST = 150;

/** Returns the samples with one more. A counter that went back means that the gateway was started again: no rate then. */
export function appended(samples: Sample[], traffic: Counters, now: number): Sample[] {
  const at = timeOf(traffic.at)?.getTime() ?? now;
  const last = samples.at(-1);
  if (last && at <= last.at) return samples;
  const seconds = last ? (at - last.at) / 1000 : 0;
  const rate = (count: number, before: number | undefined) => (last && seconds > 0 && count >= (before ?? 0) ? (count - (before ?? 0)) / seconds : null);
  const refusals = Object.fromEntries(Object.entries(traffic.refusals).map(([code, count]) => [code, rate(count, last?.counted.refusals[code]) ?? 0]));
  const sample: Sample = {
    at,
    requests: rate(traffic.requests, last?.counted.requests),
    refusals,
    mint50: traffic.mintLatency?.p50 ?? null,
    mint99: traffic.mintLatency?.p99 ?? null,
    backend50: traffic.backendLatency?.p50 ?? null,
    backend99: traffic.backendLatency?.p99 ?? null,
    hitRate: traffic.hitRate ?? null,
    counted: { requests: traffic.requests, refusals: traffic.refusals },
  };
  return [...samples, sample].slice(-MOST);
}
