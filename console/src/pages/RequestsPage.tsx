/** The last calls, from the audit record: names and outcomes, never a value. */
import { IconListDetails } from '@tabler/icons-react';
import { Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { requests } from '../api/queries';
import type { RequestRecord } from '../api/types';
import { clockText, durationText } from '../model/format';
import { isForwarded } from '../model/requests';
import { Chip } from '../parts/Chip';
import { Empty, Loaded, Page } from '../parts/Page';
import parts from '../parts/parts.module.css';
import { RecordTable, type Column } from './RecordTable';
import css from './pages.module.css';

/** Only there when a call names one: the records of Backend JWTs do. */
const APPLICATION: Column<RequestRecord> = { title: 'Application', cell: (record) => applicationOf(record) ?? '–' };

const COLUMNS: Column<RequestRecord>[] = [
  { title: 'When', cell: (record) => <span style={{ whiteSpace: 'nowrap' }}>{clockText(record.time)}</span> },
  { title: 'API', cell: (record) => record.api ?? '–' },
  { title: 'Operation', cell: (record) => <span className="mono">{record.operation ?? '–'}</span> },
  { title: 'Outcome', cell: (record) => <Outcome record={record} /> },
  APPLICATION,
  { title: 'User', cell: (record) => <span className="mono break">{record.user ?? '–'}</span> },
  { title: 'Took', cell: (record) => durationText(record.micros.total / 1e6) },
];

function applicationOf({ jwts }: RequestRecord): string | undefined {
  return jwts?.find(({ application }) => application)?.application ?? undefined;
}

function Outcome({ record }: { record: RequestRecord }) {
  const { status, outcome } = record;
  return <Chip tone={isForwarded(record) ? 'good' : 'bad'}>{status > 0 && `${status} `}{outcome}</Chip>;
}

export function RequestsPage() {
  const query = useQuery(requests);
  const [q, setQ] = useState('');
  const [outcome, setOutcome] = useState('all');
  const isShown = (record: RequestRecord) =>
    (outcome === 'all' || (outcome === 'passed') === isForwarded(record)) && JSON.stringify(record).toLowerCase().includes(q.toLowerCase());
  return (
    <Page title="Requests" lead="The last calls, newest first. Users are hashes, and claims are names: what they said is not kept.">
      <Loaded query={query}>
        {({ items }) => items.length === 0
          ? <div className={parts.card}><Empty icon={<IconListDetails />} title="No calls yet">Call an API through the gateway, and it shows here within five seconds: who answered, and what was refused and why.</Empty></div>
          : (
            <>
              <div className={css.filters}>
                <TextInput label="Find" placeholder="API, operation, code …" value={q} onChange={(event) => setQ(event.currentTarget.value)} />
                <Select label="Outcome" data={[{ value: 'all', label: 'All' }, { value: 'passed', label: 'Forwarded' }, { value: 'refused', label: 'Refused or failed' }]} value={outcome} onChange={(value) => setOutcome(value ?? 'all')} />
              </div>
              <RecordTable caption="Requests" items={items.filter(isShown)} columns={items.some(applicationOf) ? COLUMNS : COLUMNS.filter((column) => column !== APPLICATION)} />
            </>
          )}
      </Loaded>
    </Page>
  );
}
