/** Numbers, times and sizes, in words that people read. */

/** Seconds since 1970, or RFC 3339, as a Date; null when there is none. */
export function timeOf(at: number | string | null | undefined): Date | null {
  if (at === null || at === undefined || at === '') return null;
  const date = typeof at === 'number' ? new Date(at > 1e11 ? at : at * 1000) : new Date(at);
  return Number.isNaN(date.getTime()) ? null : date;
}

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function clockText(at: number | string | null | undefined): string {
  const date = timeOf(at);
  return date ? FULL.format(date) : '–';
}

const UNITS: [number, string][] = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** 3600 → `1 h`; 90 → `1 min 30 s`. */
export function durationText(seconds: number): string {
  if (seconds <= 0) return '0 s';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))} ms`;
  const whole = Math.round(seconds);
  const at = UNITS.findIndex(([size]) => whole >= size);
  const [size, unit] = UNITS[at] ?? [1, 's'];
  const rest = whole % size;
  const [nextSize, nextUnit] = UNITS[at + 1] ?? [1, ''];
  const more = nextUnit && Math.floor(rest / nextSize) > 0 ? ` ${Math.floor(rest / nextSize)} ${nextUnit}` : '';
  return `${Math.floor(whole / size)} ${unit}${more}`;
}

/** How long ago, seen from `now` (milliseconds). */
export function agoText(at: number | string | null | undefined, now: number): string {
  const date = timeOf(at);
  if (!date) return '–';
  const seconds = Math.round((now - date.getTime()) / 1000);
  if (Math.abs(seconds) < 5) return 'just now';
  const about = durationText(Math.abs(seconds)).replace(/^(\d+ (?:d|h|min)) .*/, '$1');
  return seconds >= 0 ? `${about} ago` : `in ${about}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

const COUNT = new Intl.NumberFormat('en');

export function countText(count: number): string {
  return COUNT.format(count).replaceAll(',', ' ');
}

/** `1 operation`, `3 operations`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

export function percentText(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(share > 0.9995 || share === 0 ? 0 : 1)} %`;
}
