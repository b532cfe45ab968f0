/** What cards and lanes may ask of the policies page. */
import { createContext, useContext } from 'react';
import type { Policy, PolicyType } from '../../api/types';
import type { Spot } from '../../model/policies';

export interface PolicyActions {
  open: (spot: Spot, policy: Policy) => void;
  add: (type: PolicyType, spot: Spot) => void;
  remove: (spot: Spot, policy: Policy) => void;
  moveToApi: (spot: Spot, policy: Policy) => void;
}

const nothing = () => undefined;

export const ActionsContext = createContext<PolicyActions>({ open: nothing, add: nothing, remove: nothing, moveToApi: nothing });

export function usePolicyActions(): PolicyActions {
  return useContext(ActionsContext);
}
