/** A client application as a form holds it, and as its file shall have it. */
import type { Application, Diagnostic, Subscription } from '../api/types';
import { segmentsOf } from './pointer';

/** What the admin API shows in the place of a secret. Sent back, it stands for the value that is there. */
export const NOT_SHOWN = '(not shown)';

/** `isHidden`: there is a value that is not shown; it stays as long as no other one is typed. */
export interface AttributeRow { name: string; value: string; isHidden?: boolean }

/** Every field of the form as text and lists; what the form does not show stays in `others`. */
export interface ApplicationFields {
  name: string;
  id: string;
  owner: string;
  tier: string;
  clientIds: string[];
  sandboxClientIds: string[];
  attributes: AttributeRow[];
  subscriptions: Subscription[];
  others: Record<string, unknown>;
}

export function fieldsOf(application: Application | null): ApplicationFields {
  const { name = '', id, owner, tier, clientIds = [], sandboxClientIds = [], attributes = {}, subscriptions = [], ...rest } = application ?? { name: '' };
  return {
    name, id: text(id), owner: text(owner), tier: text(tier), clientIds: clientIds.map(text), sandboxClientIds: sandboxClientIds.map(text), subscriptions,
    attributes: Object.entries(attributes).map(([name, value]) => (value === NOT_SHOWN ? { name, value: '', isHidden: true } : { name, value: text(value) })),
    // API keys are made and taken back by themselves.
    others: Object.fromEntries(Object.entries(rest).filter(([member]) => member !== 'apiKeys')),
  };
}

/** What is sent: members that are empty are left out, and values that nobody touched stay what they were. */
export function applicationOf(fields: ApplicationFields, before: Application | null): Application {
  const { name, others, attributes, subscriptions, ...rest } = fields;
  const written: Record<string, unknown> = {
    ...rest,
    clientIds: fields.clientIds.map((one) => kept(one, before?.clientIds)),
    sandboxClientIds: fields.sandboxClientIds.map((one) => kept(one, before?.sandboxClientIds)),
    id: kept(fields.id, [before?.id]),
    attributes: Object.fromEntries(attributes.filter(({ name }) => name.trim() !== '').map((row) => [row.name.trim(), valueOf(row, before)])),
    subscriptions: subscriptions.filter(({ api }) => api !== '').map(({ api, version, tier }) => ({ api, ...(version ? { version } : {}), ...(tier ? { tier } : {}) })),
  };
  const filled = Object.entries(written).filter(([, value]) => !isEmpty(value));
  return { name: name.trim(), ...others, ...Object.fromEntries(filled) };
}

/**
 * An edit that began with `began`, put on the application as it is now: members that the edit did not touch are taken
 * from `now`, so that nobody's work is undone.
 */
export function rebased(began: Application, edited: Application, now: Application): Application {
  const names = new Set([...Object.keys(began), ...Object.keys(edited), ...Object.keys(now)]);
  const members = [...names].map((name) => [name, isSame(began[name], edited[name]) ? now[name] : edited[name]] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as Application;
}

/** The field of the form that a diagnostic is about: `clientIds`, `subscriptions/1/api`, `attributes/team`. */
export function fieldOf({ pointer }: Diagnostic): string | null {
  return pointer ? segmentsOf(pointer).filter((_, at) => at < 3).join('/') : null;
}

function valueOf({ name, value, isHidden }: AttributeRow, before: Application | null): unknown {
  return isHidden && value === '' ? NOT_SHOWN : kept(value, [before?.attributes?.[name]]);
}

/** A value that reads as the same text as before is the same value: `7` stays a number. */
function kept(value: string, before: unknown[] | undefined): unknown {
  return before?.find((one) => text(one) === value && one !== undefined) ?? value.trim();
}

/** An attribute's value as people read it. */
export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(', ') : text(value);
}

function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
