/** What the admin API takes and gives, as the console reads it. Mirrors docs/openapi.json. */

export type Role = 'viewer' | 'author' | 'operator' | 'support';
export type Flow = 'request' | 'response';

export interface Diagnostic {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  hint?: string | null;
  file?: string | null;
  line?: number | null;
  column?: number | null;
  /** JSON pointer within the document that was posted. */
  pointer?: string | null;
}

export interface List<T> { items: T[]; total: number }

export interface Me {
  name: string;
  roles: Role[];
  /** Under which names, besides their own, APIs may be theirs. */
  groups: string[];
  login: 'none' | 'oidc' | 'bearer';
  csrfToken?: string | null;
  testUsers: string[];
  gateway: {
    issuer: string;
    version: string;
    revision: number | string;
    appliedAt?: number | string | null;
    refused: Diagnostic[];
    brokenApis: (string | { api: string; diagnostics?: Diagnostic[] })[];
    needsRestart: string[];
  };
}

export interface ApiSummary {
  id: string;
  name: string;
  version: string;
  basePath: string;
  context?: string;
  type: string;
  environment?: string | null;
  state: 'live' | 'broken';
  operations: number;
  backendJwt: 'gateway' | 'api' | 'operations' | 'none';
  security: string[];
  owners: string[];
  file: string;
  etag?: string;
}

export interface Endpoint { type: string; url: string; weight?: number | null }

export interface Api extends ApiSummary {
  document: string;
  definition: Record<string, unknown>;
  endpoints: Endpoint[];
  versions: string[];
  revisions: number;
}

export interface Policy {
  policyName: string;
  policyVersion?: string;
  policyId?: string;
  parameters?: Record<string, unknown>;
}

export interface PolicyLists { request: Policy[]; response: Policy[] }

export interface EffectivePolicy {
  policyName: string;
  header?: string | null;
  from: 'gateway' | 'api' | 'operation';
  at?: string | null;
  parameters: Record<string, unknown>;
  replaces?: unknown[];
  off?: boolean;
}

export interface PolicySet {
  api: PolicyLists;
  operations: Record<string, PolicyLists>;
}

export interface Policies extends PolicySet { gateway: EffectivePolicy[] }

export interface Operation {
  key: string;
  verb: string;
  target: string;
  secured: 'secured' | 'optional' | 'open';
  scopes: string[];
  policies: PolicyLists;
  effective: EffectivePolicy[];
}

export interface PolicyField {
  name: string;
  title: string;
  help: string;
  default?: unknown;
  values?: unknown[] | null;
  basic: boolean;
  min?: number | null;
  max?: number | null;
}

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

export interface PolicyType {
  name: string;
  version: string;
  title: string;
  about: string;
  flows: Flow[];
  schema: JsonSchema;
  defaults: Record<string, unknown>;
  fields: PolicyField[];
}

export interface Revision { n: number; at: number | string; author: string; diff: string; note?: string | null; action?: string; target?: string }

/** What became of a part of an imported file. */
export interface ImportNote {
  outcome: string;
  field: string;
  line?: number | null;
  becomes?: string | null;
  reason?: string | null;
  times?: number;
}

export interface DryRun { diff: string; diagnostics: Diagnostic[]; affected: unknown[]; notes?: ImportNote[] }

export interface MaskedValue { masked: true; type: string; length?: number; count?: number }

export interface PreviewClaim {
  name: string;
  value: unknown;
  source: string;
  asOf: number | null;
  age: number | null;
  rule: string;
}

export interface Omission { kind: 'attribute' | 'claim'; name: string; reason: string }
export interface Refusal { status: number; code: string; detail: string }

export interface PreviewJwt {
  header: string;
  policy: string;
  algorithm: string;
  encoding: string;
  maxHeaderBytes: number;
  limitBytes?: number;
  kid?: string | null;
  headerBytes?: number;
  expiresAt?: number;
  claims?: PreviewClaim[];
  notInToken?: Omission[];
  problems?: { claim: string; problem: string }[];
  value?: string | MaskedValue | null;
  notSent?: string;
  refused?: Refusal;
}

export interface Preview {
  api: string;
  version: string;
  operation: string;
  at: number;
  caller: {
    kind: 'user' | 'application';
    issuer: string;
    subject: string | MaskedValue;
    user: string | MaskedValue | null;
    client: string | null;
    expiresAt: number | null;
    assumedToken: Record<string, unknown> | null;
  } | null;
  refused: Refusal | null;
  jwts: PreviewJwt[];
}

export interface PreviewQuestion {
  api: string;
  operation: string;
  user?: string;
  issuer?: string;
  token?: string;
  policies?: PolicySet;
  draft?: string;
}

export interface ShadowChange {
  operation: string;
  users: number;
  added: string[];
  removed: string[];
  changed: string[];
  header?: unknown;
  refused?: unknown;
}
export interface Shadow { users: number; unchanged: number; changed: ShadowChange[] }

export interface Store {
  name: string;
  kind: string;
  target: string;
  state: 'up' | 'down' | 'unknown';
  breaker?: string | null;
  lastError?: { at: number; reason: string } | string | null;
  latency?: { p50?: number | null; p99?: number | null } | null;
  hitRate?: number | null;
  entries?: number | null;
  failures?: number | null;
  staleServed?: number | null;
  bytes?: number | null;
  attributes: string[];
  staleFor?: number | string | null;
  hold?: unknown;
}

export interface Issuer { name: string; issuer: string; [member: string]: unknown }
export interface DialectClaim { attribute: string; claim: string; multi?: boolean; type?: string | null }
export interface Dialect { name: string; uri: string; prefix?: string; claims: DialectClaim[]; builtIn?: boolean }

export interface Subscription { api: string; version?: string | null; tier?: string | null }
export interface ApiKey { id: string; sandbox?: boolean; expires?: string | null; scopes?: string[]; user?: unknown }
export interface Application {
  name: string;
  id?: string | number | null;
  clientIds?: string[];
  sandboxClientIds?: string[];
  owner?: string | null;
  tier?: string | null;
  attributes?: Record<string, unknown>;
  subscriptions?: Subscription[];
  apiKeys?: ApiKey[];
  [member: string]: unknown;
}

export type KeyState = 'announced' | 'active' | 'retired' | 'gone' | 'revoked';
export interface SigningKey {
  kid: string;
  algorithm: string;
  state: KeyState;
  announcedAt?: number | string | null;
  activeAt?: number | string | null;
  retiredAt?: number | string | null;
  goneAt?: number | string | null;
  certificate?: unknown;
  usedBy?: number | null;
}

export interface Traffic {
  at: number | string;
  requests: number;
  refusals: Record<string, number>;
  mintLatency?: { p50?: number | null; p99?: number | null } | null;
  backendLatency?: { p50?: number | null; p99?: number | null } | null;
  hitRate?: number | null;
  [member: string]: unknown;
}

export type RequestRecord = Record<string, unknown>;
export type Disclosure = Record<string, unknown>;
