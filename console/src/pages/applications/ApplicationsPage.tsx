/** The client applications that the gateway knows: made, changed and removed here, with their subscriptions and API keys. */
import { Button, Group } from '@mantine/core';
import { IconApps, IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { applications, useRights } from '../../api/queries';
import type { Application, Subscription } from '../../api/types';
import { textOf } from '../../model/application';
import { Chip } from '../../parts/Chip';
import { Empty, Loaded, Page } from '../../parts/Page';
import parts from '../../parts/parts.module.css';
import css from '../pages.module.css';
import { ReviewChange } from '../policies/ReviewChange';
import { ApiKeys } from './ApiKeys';
import { ApplicationForm } from './ApplicationForm';

/** What is open: a new application, or one of the list under the name that it had. */
type Open = { isNew: true } | { isNew: false; application: Application };

export function ApplicationsPage() {
  const query = useQuery(applications);
  const { isOperator } = useRights();
  const [open, setOpen] = useState<Open | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const add = isOperator && <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen({ isNew: true })}>New application</Button>;
  return (
    <Page title="Applications" lead="Programs that call on a user’s behalf or on their own. A Backend JWT names the application, its tier and its subscription." actions={add}>
      <Loaded query={query}>
        {({ value: { items }, etag }) => (
          <>
            {items.length === 0
              ? <div className={parts.card}><Empty icon={<IconApps />} title="No applications" action={add}>An application has the client ids that its tokens carry, or API keys. With one, Backend JWTs say which application called.</Empty></div>
              : <div className={css.grid}>{items.map((application) => <ApplicationCard key={application.name} application={application} isOperator={isOperator} onEdit={() => setOpen({ isNew: false, application })} onRemove={() => setLeaving(application.name)} />)}</div>}
            {open && <ApplicationForm key={open.isNew ? '' : open.application.name} began={open.isNew ? null : open.application} now={open.isNew ? null : (items.find(({ name }) => name === open.application.name) ?? null)} etag={etag} onClose={() => setOpen(null)} />}
            <ReviewChange id={leaving ?? ''} title={`Remove ${leaving ?? ''}?`} etag={etag} change={leaving === null ? null : REMOVAL} onSaved={() => setLeaving(null)} onClose={() => setLeaving(null)} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

const REMOVAL = { kind: 'no application' } as const;

interface CardProps { application: Application; isOperator: boolean; onEdit: () => void; onRemove: () => void }

function ApplicationCard({ application, isOperator, onEdit, onRemove }: CardProps) {
  const { name, id, clientIds = [], sandboxClientIds = [], owner, tier, attributes = {}, subscriptions = [] } = application;
  return (
    <section className={`${parts.card} ${parts.padded}`} aria-label={name}>
      <Group justify="space-between">
        <h2 className={css.name}>{name}</h2>
        {tier && <Chip tone="good">{tier}</Chip>}
      </Group>
      <dl className={parts.facts} style={{ margin: '0.9rem 0' }}>
        {id !== undefined && id !== null && <><dt>Id</dt><dd className="mono">{id}</dd></>}
        <dt>Client ids</dt><dd className="mono break">{clientIds.join(', ') || '–'}</dd>
        {sandboxClientIds.length > 0 && <><dt>For the sandbox</dt><dd className="mono break">{sandboxClientIds.join(', ')}</dd></>}
        {owner && <><dt>Owner</dt><dd>{owner}</dd></>}
        {Object.keys(attributes).length > 0 && <><dt>Attributes</dt><dd>{Object.entries(attributes).map(([attribute, value]) => <div key={attribute}>{attribute}: {textOf(value)}</div>)}</dd></>}
        <dt>Subscriptions</dt>
        <dd>{subscriptions.length === 0 ? 'none' : <span className={css.chips}>{subscriptions.map((one, at) => <Chip key={at}>{subscriptionText(one)}</Chip>)}</span>}</dd>
        <dt>API keys</dt>
        <dd><ApiKeys application={application} isOperator={isOperator} /></dd>
      </dl>
      {isOperator && (
        <Group gap="xs">
          <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} />} onClick={onEdit}>Edit</Button>
          <Button size="compact-sm" variant="default" leftSection={<IconTrash size={14} />} c="var(--bad)" onClick={onRemove}>Remove</Button>
        </Group>
      )}
    </section>
  );
}

function subscriptionText({ api, version, tier }: Subscription): string {
  return [api, version].filter(Boolean).join(' ') + (tier ? `: ${tier}` : '');
}
