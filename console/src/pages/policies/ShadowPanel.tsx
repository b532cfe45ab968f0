/** What changes for recent users if the draft is saved. Asked for by hand: it costs the gateway a look-up for each. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { shadow } from '../../api/queries';
import type { PolicySet, Shadow, ShadowChange } from '../../api/types';
import { plural } from '../../model/format';
import { Card } from '../../parts/Page';
import { ProblemBox } from '../../parts/ProblemBox';
import { Chip } from '../../parts/Chip';

interface PanelProps {
  api: string;
  draft: PolicySet;
  isSettled: boolean;
  /** The one that the draft is about; without it, all that would answer otherwise. */
  operation?: string;
}

export function ShadowPanel({ api, draft, isSettled, operation }: PanelProps) {
  const [asked, setAsked] = useState<PolicySet | null>(null);
  const policies = asked ? { api: asked.api, operations: asked.operations } : undefined;
  const answer = useQuery({ ...shadow({ api, operation, policies }), enabled: asked !== null });
  const isOld = asked !== null && asked !== draft;
  return (
    <Card title="Recent users">
      <p className="soft" style={{ marginTop: 0 }}>Compares what the users of the last calls get now with what they would get after saving.</p>
      {answer.data && !isOld && (
        <div role="status">
          <p>{summaryOf(answer.data)}</p>
          <ul style={{ paddingLeft: '1.1rem', margin: 0 }}>
            {answer.data.changed.map((change) => <Change key={`${change.operation} ${change.header}`} change={change} />)}
          </ul>
        </div>
      )}
      {answer.isError && !isOld && <ProblemBox problem={answer.error} />}
      {(!answer.data || isOld) && (
        <Button variant="default" size="xs" loading={answer.isFetching} disabled={!isSettled} onClick={() => setAsked(draft)}>
          {isOld ? 'Compare again' : 'Compare'}
        </Button>
      )}
    </Card>
  );
}

function summaryOf({ users, unchanged, unknown, operations, operationsSeen }: Shadow): string {
  if (operations === 0) return 'No operation would answer otherwise.';
  if (users === 0) return 'No user has called lately.';
  const seen = operationsSeen < operations ? `${operationsSeen} of ${plural(operations, 'operation')}` : plural(operations, 'operation');
  const untold = unknown > 0 ? ` For ${plural(unknown, 'user')} it cannot be told.` : '';
  return `Looked at ${seen} for ${plural(users, 'user')}: ${unchanged} would see no change.${untold}`;
}

function Change({ change }: { change: ShadowChange }) {
  return (
    <li>
      <span className="mono">{change.operation}</span>, {plural(change.users, 'user')}{change.header && <>, <span className="mono">{change.header}</span></>}:{' '}
      {change.refused && <Chip tone="bad">refused: {change.refused}</Chip>}
      {[...change.added.map((name) => `+ ${name}`), ...change.removed.map((name) => `− ${name}`), ...change.changed.map((name) => `≠ ${name}`)].map((text) => (
        <div key={text} className="mono break">{text}</div>
      ))}
    </li>
  );
}
