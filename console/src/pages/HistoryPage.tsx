/** Every change to the configuration, the newest first. */
import { Button, Group } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { history } from '../api/queries';
import { countText } from '../model/format';
import { Empty, Loaded, Page } from '../parts/Page';
import parts from '../parts/parts.module.css';
import { RevisionList } from '../parts/RevisionList';

export function HistoryPage() {
  const query = useInfiniteQuery(history);
  return (
    <Page title="History" lead="Who changed what, and when. An API’s own tab Revisions can bring an earlier text back.">
      <Loaded query={query}>
        {({ pages }) => {
          const changes = pages.flatMap(({ items }) => items);
          if (changes.length === 0) return <div className={parts.card}><Empty icon={<IconHistory />} title="No changes yet">Changes made here, through the API and by the command line are kept with their author and diff. Edits of files by hand show in your version control.</Empty></div>;
          return (
            <>
              <RevisionList revisions={changes} title={({ action, target }) => `${action} ${target}`} />
              <Group justify="space-between" mt="md">
                <span className="soft" role="status">{countText(changes.length)} of {countText(pages[0]?.total ?? 0)} changes</span>
                {query.hasNextPage && <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show older changes</Button>}
              </Group>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
