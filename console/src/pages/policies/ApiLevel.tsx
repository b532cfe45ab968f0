/** The lanes of the whole API, what it takes over from the gateway, and which operations go their own way. */
import type { Operation, Policies, PolicyType } from '../../api/types';
import { plural } from '../../model/format';
import { isBackendJwt, isSameHeader } from '../../model/policies';
import { Card } from '../../parts/Page';
import { Chip, Verb } from '../../parts/Chip';
import { EffectiveTable } from './EffectiveTable';
import { Lanes } from './Lane';
import css from './policies.module.css';

interface ApiLevelProps { set: Policies; operations: Operation[]; types: PolicyType[]; readOnly: boolean }

const MOST = 12;

export function ApiLevel({ set, operations, types, readOnly }: ApiLevelProps) {
  const own = operations.filter(({ policies }) => policies.request.some(isBackendJwt));
  return (
    <div className={css.stack}>
      <Card><h2 className="visually-hidden">Policies at API level</h2><Lanes level={{ level: 'api' }} lists={set.api} types={types} readOnly={readOnly} /></Card>
      {set.gateway.length > 0 && (
        <Card title="From the gateway’s configuration">
          <p className={css.explain}>The operator switched this on for every API. A policy here with the same header takes its place.</p>
          <EffectiveTable effective={set.gateway} caption="Policies of the gateway" />
        </Card>
      )}
      {own.length > 0 && (
        <Card title={`${plural(own.length, 'operation')} with ${own.length === 1 ? 'its' : 'their'} own Backend JWT`}>
          <ul className={css.own}>
            {own.slice(0, MOST).map((operation) => <Own key={operation.key} operation={operation} set={set} />)}
          </ul>
          {own.length > MOST && <p className="soft">and {own.length - MOST} more on the Operation level tab</p>}
        </Card>
      )}
    </div>
  );
}

function Own({ operation, set }: { operation: Operation; set: Policies }) {
  const tokens = operation.effective.filter((policy) => policy.from === 'operation' && isBackendJwt(policy));
  const inherited = [...set.gateway, ...set.api.request.filter(isBackendJwt).map((policy) => ({ header: String(policy.parameters?.header ?? 'X-JWT-Assertion') }))];
  return (
    <li>
      <Verb verb={operation.verb} /> <span className="mono break">{operation.target}</span>
      {tokens.map((token, at) => {
        const replaces = inherited.some(({ header }) => isSameHeader(header ?? '', token.header ?? ''));
        return <Chip key={at}>{token.off ? `no ${token.header}` : `${replaces ? 'replaces' : 'adds'} ${token.header}`}</Chip>;
      })}
    </li>
  );
}
