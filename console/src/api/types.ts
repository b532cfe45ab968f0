/**
 * What the admin API takes and gives, under the names that the console has for it.
 *
 * From docs/openapi.json (`npm run types` makes schema.d.ts of it). By hand: what the document leaves open.
 */
import type { components } from './schema';

type Schemas = components['schemas'];
type Open = Record<string, unknown>;

export type Flow = keyof Schemas['Flows'];

type Mistake = Schemas['Mistake'];
/** A mistake that the gateway found, or one that the console found itself: without a place in a file. */
export type Diagnostic = Pick<Mistake, 'severity' | 'code' | 'message'> & Partial<Mistake>;

export interface List<T> { items: T[]; total: number }

export type Me = Schemas['Me'];

export type ApiSummary = Schemas['ApiSummary'];
export type Api = Schemas['ApiView'];
export type NewApi = Schemas['NewApi'];

export type Policy = Omit<Schemas['Policy'], 'parameters'> & { parameters?: Open };
export type PolicyLists = Record<Flow, Policy[]>;
export interface PolicySet { api: PolicyLists; operations: Record<string, PolicyLists> }

export type EffectivePolicy = Omit<Schemas['EffectivePolicy'], 'from' | 'parameters'> & { from: 'gateway' | 'api' | 'operation'; parameters: Open };
export interface Policies extends PolicySet { gateway: EffectivePolicy[] }

export type Operation = Omit<Schemas['OperationView'], 'policies' | 'effective'> & { policies: PolicyLists; effective: EffectivePolicy[] };

export type PolicyField = Schemas['PolicyField'];

export interface JsonSchema {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  description?: string;
}

export type PolicyType = Omit<Schemas['PolicyType'], 'flows' | 'schema'> & { flows: Flow[]; schema: JsonSchema };

export type Revision = Schemas['Revision'];
export type Change = Schemas['ChangeView'];

/** What became of a part of an imported file. */
export type ImportNote = Schemas['ImportNote'];
export type DryRun = Schemas['DryRun'];

export type Preview = Schemas['Explanation'];
export type PreviewJwt = Schemas['ExplainedJwt'];
export type PreviewClaim = Schemas['ExplainedClaim'];
export type Omission = Schemas['LeftOut'];
export type Refusal = Schemas['Refusal'];
export type MaskedValue = Schemas['Mask'];

export type PreviewQuestion = Omit<Schemas['PreviewQuestion'], 'policies'> & { policies?: PolicySet };
export type ShadowQuestion = Omit<Schemas['ShadowQuestion'], 'policies'> & { policies?: PolicySet };

export type Shadow = Schemas['Shadow'];
export type ShadowChange = Schemas['Difference'];

export type Store = Schemas['UserStoreView'];
/** A test look-up; `outcome` is masked where the store's words are not this person's to read. */
export interface LookedUp { outcome: string | MaskedValue; attributes?: Record<string, unknown> }

export interface Issuer { name: string; issuer: string; [member: string]: unknown }
export type Dialect = Schemas['DialectView'];

export interface Subscription { api: string; version?: string | null; tier?: string | null }
export interface ApiKey { id: string; sandbox?: boolean; expires?: string | null; scopes?: string[]; user?: unknown }
export type NewApiKey = Schemas['NewApiKey'];
export interface Application {
  name: string;
  id?: string | number | null;
  clientIds?: string[];
  sandboxClientIds?: string[];
  owner?: string | null;
  tier?: string | null;
  attributes?: Open;
  subscriptions?: Subscription[];
  apiKeys?: ApiKey[];
  [member: string]: unknown;
}

export type KeyState = 'announced' | 'active' | 'retired' | 'gone' | 'revoked';
export type SigningKey = Omit<Schemas['KeyView'], 'state'> & { state: KeyState };

export type Traffic = Schemas['Traffic'];
export type RequestRecord = Schemas['AuditLine'];
export type Disclosure = Schemas['Disclosure'];
