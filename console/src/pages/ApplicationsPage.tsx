/** The client applications that the gateway knows, with their subscriptions and API keys. */
import { Button, Group, Modal, Stack, TagsInput, TextInput } from '@mantine/core';
import { IconApps, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useCreateApiKey } from '../api/changes';
import { applications, useRights } from '../api/queries';
import type { Application } from '../api/types';
import { Chip } from '../parts/Chip';
import { CodeBlock } from '../parts/Copied';
import { Empty, Loaded, Page } from '../parts/Page';
import { ProblemBox } from '../parts/ProblemBox';
import parts from '../parts/parts.module.css';
import css from './pages.module.css';

export function ApplicationsPage() {
  const query = useQuery(applications);
  return (
    <Page title="Applications" lead="Programs that call on a user’s behalf or on their own. A Backend JWT names the application, its tier and its subscription.">
      <Loaded query={query}>
        {({ items }) => items.length === 0
          ? <div className={parts.card}><Empty icon={<IconApps />} title="No applications">Name one under <code>applications</code> in the operator’s file, with the client ids that its tokens carry. Then Backend JWTs say which application called.</Empty></div>
          : <div className={css.grid}>{items.map((application) => <ApplicationCard key={application.name} application={application} />)}</div>}
      </Loaded>
    </Page>
  );
}

function ApplicationCard({ application }: { application: Application }) {
  const { name, clientIds = [], owner, tier, subscriptions = [], apiKeys = [] } = application;
  const { isOperator } = useRights();
  const [isMaking, setMaking] = useState(false);
  return (
    <section className={`${parts.card} ${parts.padded}`} aria-label={name}>
      <Group justify="space-between"><h2 className={css.name}>{name}</h2>{tier && <Chip tone="good">{tier}</Chip>}</Group>
      <dl className={parts.facts} style={{ margin: '0.9rem 0' }}>
        <dt>Client ids</dt><dd className="mono">{clientIds.join(', ') || '–'}</dd>
        {owner && <><dt>Owner</dt><dd>{owner}</dd></>}
        <dt>Subscriptions</dt>
        <dd>{subscriptions.length === 0 ? 'none' : <span className={css.chips}>{subscriptions.map((one) => <Chip key={one.api}>{one.api}{one.tier ? `: ${one.tier}` : ''}</Chip>)}</span>}</dd>
        <dt>API keys</dt>
        <dd>{apiKeys.length === 0 ? 'none' : apiKeys.map((key) => <div key={key.id}><span className="mono">{key.id}</span>{key.expires && <span className="soft">, until {key.expires}</span>}{(key.scopes ?? []).length > 0 && <span className="soft">, {key.scopes?.join(' ')}</span>}</div>)}</dd>
      </dl>
      {isOperator && <Button size="compact-sm" variant="light" leftSection={<IconPlus size={14} />} onClick={() => setMaking(true)}>New API key</Button>}
      <Modal opened={isMaking} onClose={() => setMaking(false)} title={`New API key for ${name}`}>{isMaking && <NewKey application={name} onDone={() => setMaking(false)} />}</Modal>
    </section>
  );
}

function NewKey({ application, onDone }: { application: string; onDone: () => void }) {
  const [id, setId] = useState('');
  const [expires, setExpires] = useState('');
  const [scopes, setScopes] = useState<string[]>([]);
  const create = useCreateApiKey();
  if (create.data) {
    const made = String(create.data.key ?? create.data.apiKey ?? '');
    return (
      <Stack>
        <p style={{ margin: 0 }}>Copy it now. The gateway keeps a hash alone, so it can never be shown again.</p>
        <CodeBlock code={made} label="API key" />
        <Button onClick={onDone}>I have copied it</Button>
      </Stack>
    );
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); create.mutate({ application, id: id.trim(), ...(expires ? { expires } : {}), ...(scopes.length > 0 ? { scopes } : {}) }); }}>
      <Stack>
        <TextInput label="Name" description="How it is called in the log, such as nightly-2027." required value={id} onChange={(event) => setId(event.currentTarget.value)} />
        <TextInput type="date" label="Expires" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} />
        <TagsInput label="Scopes" description="What it may do where an operation asks for scopes." value={scopes} onChange={setScopes} />
        {create.isError && <ProblemBox problem={create.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onDone}>Cancel</Button><Button type="submit" loading={create.isPending} disabled={id.trim() === ''}>Make the key</Button></Group>
      </Stack>
    </form>
  );
}
