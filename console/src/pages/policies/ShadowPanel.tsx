/** What changes for recent users if the draft is saved. Asked for by hand: it costs the gateway a look-up for each. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { shadow } from '../../api/queries';
import type { PolicySet, ShadowChange } from '../../api/types';
import { plural } from '../../model/format';
import { Card } from '../../parts/Page';
import { ProblemBox } from '../../parts/ProblemBox';
import { Chip } from '../../parts/Chip';

export function ShadowPanel({ api, draft }: { api: string; draft: PolicySet }) {
  const [asked, setAsked] = useState<PolicySet | null>(null);
  const policies = asked && { api: asked.api, operations: asked.operations };
  const answer = useQuery({ ...shadow({ api, policies: policies ?? undefined }), enabled: asked !== null });
  const isOld = asked !== null && asked !== draft;
  return (
    <Card title="Recent users">
      <p className="soft" style={{ marginTop: 0 }}>Compares what the users of the last calls get now with what they would get after saving.</p>
      {answer.data && !isOld && (
        <div role="status">
          <p>{plural(answer.data.unchanged, 'user')} of {answer.data.users} would see no change.</p>
          <ul style={{ paddingLeft: '1.1rem', margin: 0 }}>
            {answer.data.changed.map((change) => <Change key={change.operation} change={change} />)}
          </ul>
        </div>
      )}
      {answer.isError && !isOld && <ProblemBox problem={answer.error} />}
      {(!answer.data || isOld) && (
        <Button variant="default" size="xs" loading={answer.isFetching} onClick={() => setAsked(draft)}>
          {isOld ? 'Compare again' : 'Compare'}
        </Button>
      )}
    </Card>
  );
}

function Change({ change }: { change: ShadowChange }) {
  return (
    <li>
      <span className="mono">{change.operation}</span>, {plural(change.users, 'user')}:{' '}
      {Boolean(change.refused) && <Chip tone="bad">refused</Chip>}
      {[...change.added.map((name) => `+ ${name}`), ...change.removed.map((name) => `− ${name}`), ...change.changed.map((name) => `≠ ${name}`)].map((text) => (
        <div key={text} className="mono break">{text}</div>
      ))}
    </li>
  );
}
