/**
 * Holds types.ts to docs/openapi.json: what the gateway describes must be what the console reads.
 *
 * Types alone; `npm run lint` makes schema.d.ts from the description and fails here when the two part.
 */
import type { components } from './schema';
import type {
  ApiSummary, Diagnostic, DryRun, Me, Operation, Policies, PolicyType, Revision, Shadow, SigningKey, Store, Traffic,
} from './types';

type Schemas = components['schemas'];
type Gives<Described extends Read, Read> = Described;

export type Contract = [
  Gives<Schemas['Me'], Omit<Me, 'gateway'>>,
  Gives<Schemas['ApiSummary'], Omit<ApiSummary, 'state' | 'backendJwt'>>,
  Gives<Schemas['OperationView'], Pick<Operation, 'key' | 'verb' | 'target' | 'scopes'>>,
  Gives<Schemas['Policies'], Pick<Policies, never>>,
  Gives<Schemas['PolicyType'], Pick<PolicyType, 'name' | 'version' | 'title' | 'about'>>,
  Gives<Schemas['DryRun'], Pick<DryRun, 'diff' | 'affected'>>,
  Gives<Schemas['Mistake'], Omit<Diagnostic, 'severity'>>,
  Gives<Schemas['Revision'], Revision>,
  Gives<Schemas['Shadow'], Pick<Shadow, 'users' | 'unchanged'>>,
  Gives<Schemas['KeyView'], Omit<SigningKey, 'state'>>,
  Gives<Schemas['UserStoreView'], Pick<Store, 'name' | 'kind' | 'target' | 'state' | 'attributes'>>,
  Gives<Schemas['Traffic'], Pick<Traffic, 'at' | 'requests' | 'refusals' | 'hitRate'>>,
];
