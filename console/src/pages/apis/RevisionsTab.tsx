/** What the file was before: each save with its author and diff, and a way back. */
import { Button, Group } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRestore } from '../../api/changes';
import { revisions, useRights } from '../../api/queries';
import type { Api, Revision } from '../../api/types';
import { Confirm } from '../../parts/Confirm';
import { Empty, Loaded } from '../../parts/Page';
import parts from '../../parts/parts.module.css';
import { RevisionList } from '../../parts/RevisionList';

export function RevisionsTab({ api, etag }: { api: Api; etag: string | null }) {
  const mayEdit = useRights().owns(api);
  const query = useQuery(revisions(api.id));
  const restore = useRestore(api.id);
  const [chosen, setChosen] = useState<Revision | null>(null);
  const close = () => { setChosen(null); restore.reset(); };
  return (
    <Loaded query={query}>
      {({ items }) => items.length === 0
        ? <div className={parts.card}><Empty icon={<IconHistory />} title="No revisions yet">Each save makes one: who, when, and what changed. Then you can go back to it here.</Empty></div>
        : (
          <>
            <RevisionList revisions={items} action={(revision, at) => mayEdit && at > 0 && <Button size="compact-sm" variant="default" onClick={() => setChosen(revision)}>Go back to this</Button>} />
            <Confirm
              opened={chosen !== null} title={`Go back to revision ${chosen?.n}?`} action="Restore" isPending={restore.isPending} error={restore.error} onClose={close}
              onConfirm={() => chosen && restore.mutate({ n: chosen.n, etag }, { onSuccess: () => { notifications.show({ message: `Revision ${chosen.n} is back, and live.`, color: 'banknote' }); close(); } })}
            >
              <Group><p style={{ margin: 0 }}>The file becomes what it was after that revision. That is a new revision: nothing is lost.</p></Group>
            </Confirm>
          </>
        )}
    </Loaded>
  );
}
