/** What an operation's backend receives in the end, and which level said so. */
import type { EffectivePolicy } from '../../api/types';
import { durationText } from '../../model/format';
import { isBackendJwt } from '../../model/policies';
import { Chip } from '../../parts/Chip';
import parts from '../../parts/parts.module.css';

export const LEVELS = { gateway: 'Gateway', api: 'API', operation: 'This operation' } as const;

export function EffectiveTable({ effective, caption }: { effective: EffectivePolicy[]; caption: string }) {
  if (effective.length === 0) return <p className="soft">No policy applies: the backend does not learn who is calling.</p>;
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={parts.tableFrame} role="region" aria-label={caption} tabIndex={0}>
      <table className={parts.table}>
        <caption className="visually-hidden">{caption}</caption>
        <thead><tr><th>Policy</th><th>Header</th><th>Signed with</th><th>Valid for</th><th>Comes from</th></tr></thead>
        <tbody>
          {effective.map((policy, at) => <Row key={at} policy={policy} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row({ policy }: { policy: EffectivePolicy }) {
  const { signingAlgorithm, tokenTTL } = policy.parameters;
  return (
    <tr>
      <td>{isBackendJwt(policy) ? 'Backend JWT' : policy.policyName} {policy.off && <Chip tone="warn">Switched off</Chip>}</td>
      <td className="mono">{policy.header ?? '–'}</td>
      <td>{signingAlgorithm === undefined ? '–' : String(signingAlgorithm)}</td>
      <td>{tokenTTL === undefined ? '–' : durationText(Number(tokenTTL))}</td>
      <td>
        {LEVELS[policy.from]} {policy.at && <span className={parts.where}>{policy.at}</span>}
        {(policy.replaces ?? []).length > 0 && <div className="soft">instead of {policy.replaces?.map(replacedText).join(', ')}</div>}
      </td>
    </tr>
  );
}

/** The policy that was replaced, whatever the gateway says of it: a place, or its level and place. */
function replacedText(replaced: unknown): string {
  if (replaced === null || typeof replaced !== 'object') return String(replaced);
  const { from, at } = replaced as { from?: string; at?: string };
  return [from && `the ${from === 'api' ? 'API' : from}’s`, at].filter(Boolean).join(' ');
}
