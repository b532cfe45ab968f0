/** Which attribute goes to which backend, as which claim: for those who must answer for it. */
import { Button, Group, Select, TextInput } from '@mantine/core';
import { IconDownload, IconShare3 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { disclosures } from '../api/queries';
import type { Disclosure } from '../api/types';
import { durationText, plural } from '../model/format';
import { Empty, Loaded, Page } from '../parts/Page';
import parts from '../parts/parts.module.css';
import { RecordTable, type Column } from './RecordTable';
import css from './pages.module.css';

const COLUMNS: Column<Disclosure>[] = [
  { title: 'Attribute', cell: (one) => <strong>{one.attribute}</strong> },
  { title: 'As claim', cell: (one) => <div className="mono break" style={{ minWidth: '10rem' }}>{one.claim}</div> },
  { title: 'API', cell: (one) => <>{one.api} <span className="soft">{one.version}</span></> },
  { title: 'Operation', cell: (one) => <span className="mono">{one.operation}</span> },
  { title: 'To', cell: (one) => one.backends.map((backend) => <div key={backend} className="mono" style={{ whiteSpace: 'nowrap' }}>{backend}</div>) },
  { title: 'In header', cell: (one) => <span className="mono">{one.header}</span> },
  { title: 'Valid for', cell: (one) => durationText(one.ttl) },
  { title: 'Because of', cell: (one) => <div className="mono soft break" style={{ minWidth: '9rem' }}>{one.policy}</div> },
];

export function DisclosuresPage() {
  const query = useQuery(disclosures);
  const [q, setQ] = useState('');
  const [attribute, setAttribute] = useState('');
  const download = <Button component="a" href="/api/v1/disclosures?format=csv" download="disclosures.csv" variant="default" leftSection={<IconDownload size={16} />}>Download as CSV</Button>;
  return (
    <Page title="Disclosures" lead="Every attribute that leaves: to which backend, in which claim, and which line of which file says so." actions={download}>
      <Loaded query={query}>
        {({ items }) => {
          if (items.length === 0) return <div className={parts.card}><Empty icon={<IconShare3 />} title="Nothing leaves">No policy sends an attribute of a user to a backend. Attach Backend JWT to an API, and what it discloses is listed here.</Empty></div>;
          const names = [...new Set(items.map((one) => one.attribute))].sort();
          const shown = items.filter((one) => (attribute === '' || one.attribute === attribute) && JSON.stringify(one).toLowerCase().includes(q.toLowerCase()));
          return (
            <>
              <Group className={css.filters}>
                <Select label="Attribute" data={[{ value: '', label: 'All' }, ...names]} value={attribute} onChange={(value) => setAttribute(value ?? '')} searchable />
                <TextInput label="Find" placeholder="API, backend, claim …" value={q} onChange={(event) => setQ(event.currentTarget.value)} />
                <span className="soft" role="status">{plural(shown.length, 'disclosure')}</span>
              </Group>
              <RecordTable caption="Disclosures" items={shown} columns={COLUMNS} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
