/**
 * What a person does to a file's policies: drop, move, remove, apply to all. Pure; the gateway has the last word.
 *
 * A *place* is a lane: the API's or one operation's, request or response flow.
 */
import type { Flow, Policy, PolicyLists, PolicySet, PolicyType } from '../api/types';

export type Level = { level: 'api' } | { level: 'operation'; key: string };
export type Place = Level & { flow: Flow };
export type Spot = Place & { index: number };

const BACKEND_JWT = 'backendjwt';
const EMPTY: PolicyLists = { request: [], response: [] };

/** A policy's name without case and dashes: apk-conf files spell it in several ways. */
export function plainName(name: string): string {
  return name.replace(/[^a-z0-9]/gi, '').toLowerCase();
}

export function isBackendJwt(policy: { policyName: string }): boolean {
  return plainName(policy.policyName) === BACKEND_JWT;
}

export function typeOf(policy: { policyName: string }, types: PolicyType[]): PolicyType | undefined {
  return types.find((type) => plainName(type.name) === plainName(policy.policyName));
}

export function listsAt(set: PolicySet, level: Level): PolicyLists {
  return level.level === 'api' ? set.api : (set.operations[level.key] ?? EMPTY);
}

export function listAt(set: PolicySet, place: Place): Policy[] {
  return listsAt(set, place)[place.flow] ?? [];
}

/** Returns the set with another list at a place. */
export function withList(set: PolicySet, place: Place, list: Policy[]): PolicySet {
  const lists = { ...listsAt(set, place), [place.flow]: list };
  if (place.level === 'api') return { ...set, api: lists };
  return { ...set, operations: { ...set.operations, [place.key]: lists } };
}

export function inserted(set: PolicySet, { index, ...place }: Spot, policy: Policy): PolicySet {
  return withList(set, place, listAt(set, place).toSpliced(index, 0, policy));
}

export function replaced(set: PolicySet, { index, ...place }: Spot, policy: Policy): PolicySet {
  return withList(set, place, listAt(set, place).toSpliced(index, 1, policy));
}

export function removed(set: PolicySet, { index, ...place }: Spot): PolicySet {
  return withList(set, place, listAt(set, place).toSpliced(index, 1));
}

/** Returns the set after a policy went from one spot to another; `to.index` counts before it has gone. */
export function moved(set: PolicySet, from: Spot, to: Spot): PolicySet {
  const policy = listAt(set, from)[from.index];
  if (!policy) return set;
  const shift = isSamePlace(from, to) && from.index < to.index ? 1 : 0;
  return inserted(removed(set, from), { ...to, index: to.index - shift }, policy);
}

export function isSamePlace(a: Place, b: Place): boolean {
  return idOf(a) === idOf(b);
}

/** A place as text, for keys and drop zones. */
export function idOf(place: Place): string {
  return `${place.flow}|${place.level === 'api' ? '' : place.key}`;
}

/** The header that a Backend JWT policy writes. */
export function headerOf(policy: Policy, defaults: Record<string, unknown>): string {
  return String(policy.parameters?.header ?? defaults.header ?? 'X-JWT-Assertion');
}

export function isSwitchedOff(policy: Policy): boolean {
  return policy.parameters?.enabled === false;
}

/** True when careless servers would take the two for one header. */
export function isSameHeader(a: string, b: string): boolean {
  return plainName(a) === plainName(b);
}

/** Why a policy may not be dropped in a lane; null when it may. */
export function refusalOf(type: PolicyType, place: Place): string | null {
  if (type.flows.includes(place.flow)) return null;
  const other = type.flows.map((flow) => `${flow} flow`).join(' or ');
  return `${type.title} belongs in the ${other}.`;
}

/** Headers that two Backend JWT policies of one list would both write: the gateway refuses that. */
export function conflictsOf(list: Policy[], defaults: Record<string, unknown>): string[] {
  const headers = list.filter(isBackendJwt).map((policy) => headerOf(policy, defaults));
  const twice = headers.filter((header, at) => headers.findIndex((other) => isSameHeader(other, header)) < at);
  return [...new Set(twice)];
}

export interface Replacement { key: string; policy: Policy }
export interface AppliedToAll { set: PolicySet; replaces: Replacement[]; adds: string[] }

/**
 * Puts a copy of a policy on every operation. A Backend JWT takes the place of one with the same header;
 * any other policy takes the place of one with the same name.
 */
export function appliedToAll(
  set: PolicySet, keys: string[], flow: Flow, policy: Policy, defaults: Record<string, unknown>,
): AppliedToAll {
  const replaces: Replacement[] = [];
  const adds: string[] = [];
  let result = set;
  for (const key of keys) {
    const place: Place = { level: 'operation', key, flow };
    const list = listAt(result, place);
    const at = list.findIndex((other) => isAlike(other, policy, defaults));
    const before = list[at];
    if (!before) {
      adds.push(key);
      result = inserted(result, { ...place, index: list.length }, policy);
    } else if (!isEqual(before, policy)) {
      replaces.push({ key, policy: before });
      result = replaced(result, { ...place, index: at }, policy);
    }
  }
  return { set: result, replaces, adds };
}

function isAlike(a: Policy, b: Policy, defaults: Record<string, unknown>): boolean {
  if (plainName(a.policyName) !== plainName(b.policyName)) return false;
  return !isBackendJwt(a) || isSameHeader(headerOf(a, defaults), headerOf(b, defaults));
}

/** Deep equality of plain JSON; members in any order. */
export function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value as Record<string, unknown>).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, ordered(member)]));
}
