/** Every change to the configuration, the newest first. */
import { IconHistory } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { history } from '../api/queries';
import { Empty, Loaded, Page } from '../parts/Page';
import parts from '../parts/parts.module.css';
import { RevisionList } from '../parts/RevisionList';

export function HistoryPage() {
  const query = useQuery(history);
  return (
    <Page title="History" lead="Who changed what, and when. An API’s own tab Revisions can bring an earlier text back.">
      <Loaded query={query}>
        {({ items }) => items.length === 0
          ? <div className={parts.card}><Empty icon={<IconHistory />} title="No changes yet">Changes made here, through the API and by the command line are kept with their author and diff. Edits of files by hand show in your version control.</Empty></div>
          : <RevisionList revisions={items} title={({ action, target, n }) => [action, target].filter(Boolean).join(' ') || `Change ${n}`} />}
      </Loaded>
    </Page>
  );
}
