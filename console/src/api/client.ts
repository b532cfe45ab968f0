/**
 * One way to the admin API: JSON in and out, a deadline on every call, problems as one error type.
 *
 * Knows no endpoint; those are in queries.ts.
 */
import type { Diagnostic } from './types';

const BASE = '/api/v1';
const DEADLINE = 15_000;
/** Milliseconds after which nobody gets an answer that was asked for ahead. */
const FRESH = 5000;

/** How many entries of a list come at once. */
export const PAGE = 200;
/** The most that one list answers with. */
export const ALL = 1000;

/** What RFC 9457 says went wrong, or that nobody answered (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly diagnostics: Diagnostic[] = [],
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
}

export interface Tagged<T> { value: T; etag: string | null }

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  etag?: string | null;
  signal?: AbortSignal;
}

let csrfToken = 'none';

const ahead = new Map<string, Promise<Response>>();

/** Asks before anybody waits for it: the first call of the same address gets this answer. */
export function askAhead(path: string, query: Call['query'] = {}): void {
  const address = addressOf(path, query);
  const answer = fetch(address, { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(DEADLINE), credentials: 'same-origin' });
  // Whoever waits for it learns that it failed.
  answer.catch(() => undefined);
  ahead.set(address, answer);
  setTimeout(() => ahead.delete(address), FRESH);
}

function answerAhead(address: string): Promise<Response> | undefined {
  const answer = ahead.get(address);
  ahead.delete(address);
  return answer;
}

/** Sets what unsafe calls send to prove that they come from this page. */
export function rememberCsrfToken(token: string | null | undefined): void {
  csrfToken = token ?? 'none';
}

/** Calls the API. Throws [`Problem`] for every answer that is not 2xx, and for none at all. */
export async function call<T>(path: string, options: Call = {}): Promise<Tagged<T>> {
  const response = await send(path, options);
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return { value: parsed<T>(text), etag: response.headers.get('etag') };
}

/** Calls the API and gives the answer's body alone. */
export async function value<T>(path: string, options: Call = {}): Promise<T> {
  return (await call<T>(path, options)).value;
}

async function send(path: string, { method = 'GET', query = {}, body, etag, signal }: Call): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE);
  const headers = new Headers({ accept: 'application/json' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (etag) headers.set('if-match', etag);
  if (method !== 'GET') headers.set('x-countersign-csrf', csrfToken);
  const address = addressOf(path, query);
  try {
    const answer = method === 'GET' ? answerAhead(address) : undefined;
    return await (answer ?? fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      credentials: 'same-origin',
    }));
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const detail = deadline.aborted
      ? `The gateway has not answered within ${DEADLINE / 1000} seconds.`
      : 'The gateway cannot be reached. Is it running?';
    throw new Problem(0, 'no_answer', 'No answer', detail);
  }
}

function addressOf(path: string, query: NonNullable<Call['query']>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `${BASE}${path}${text ? `?${text}` : ''}`;
}

function parsed<T>(text: string): T {
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

function problemOf(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as Partial<Problem>;
    return new Problem(status, body.code ?? 'error', body.title ?? `Status ${status}`, body.detail ?? '', body.diagnostics ?? []);
  } catch {
    return new Problem(status, 'error', `Status ${status}`, text.slice(0, 300) || 'The answer has no content.');
  }
}

/** Escapes one segment of a path. */
export const segment = encodeURIComponent;
