/** Where users live: each store with its health and cache, a test look-up, and forgetting what is cached. */
import { Button, Group, Menu, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDatabase, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useForget, useLookUp } from '../api/changes';
import { me, stores, useRights } from '../api/queries';
import type { LookedUp, Store } from '../api/types';
import { bytesText, clockText, countText, durationText, percentText } from '../model/format';
import { lookUpOf } from '../model/lookup';
import { Chip, type Tone } from '../parts/Chip';
import { Empty, Loaded, Page } from '../parts/Page';
import { ProblemBox } from '../parts/ProblemBox';
import parts from '../parts/parts.module.css';
import css from './pages.module.css';

export function UsersPage() {
  const query = useQuery({ ...stores, refetchInterval: 10_000 });
  return (
    <Page title="Users & stores" lead="The gateway looks users up here, with the store’s own names for their attributes, and keeps the answers for a while.">
      <Loaded query={query}>
        {({ items }) => items.length === 0
          ? <div className={parts.card}><Empty icon={<IconDatabase />} title="No user stores">Without one, Backend JWTs hold only what the caller’s token says. The operator’s file names SQL databases, LDAP and AD, SCIM services or an HTTP service of yours under <code>userStores</code>.</Empty></div>
          : <div className={css.grid}>{items.map((store) => <StoreCard key={store.name} store={store} />)}</div>}
      </Loaded>
    </Page>
  );
}

const STATES: Record<Store['state'], { tone: Tone; text: string }> = {
  up: { tone: 'good', text: 'Up' },
  down: { tone: 'bad', text: 'Down' },
  unknown: { tone: 'plain', text: 'Not asked yet' },
};

function StoreCard({ store }: { store: Store }) {
  const state = STATES[store.state];
  const { isAuthor, isOperator } = useRights();
  return (
    <section className={`${parts.card} ${parts.padded}`} aria-label={store.name}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <h2 className={css.name}>{store.name}</h2>
          <div className="soft">{store.kind} <span className="mono break">{store.target}</span></div>
        </div>
        <Chip tone={state.tone} dot>{state.text}</Chip>
      </Group>
      {store.lastError && <p className={css.error}>Last error: {store.lastError.reason} ({clockText(store.lastError.at)})</p>}
      <dl className={css.figures}>
        {store.latency && <Figure label="Typical" value={store.latency.p50Microseconds / 1e6} text={durationText} />}
        {store.latency && <Figure label="Slowest 1 %" value={store.latency.p99Microseconds / 1e6} text={durationText} />}
        <Figure label="Failures" value={store.failures} text={countText} />
        <Figure label="From the cache" value={store.hitRate} text={percentText} />
        <Figure label="Users kept" value={store.entries} text={countText} />
        <Figure label="Memory" value={store.bytes} text={bytesText} />
      </dl>
      <p className="soft" style={{ margin: '0 0 0.35rem' }}>Attributes it gives</p>
      <div className={css.chips}>{store.attributes.map((name) => <Chip key={name}>{name}</Chip>)}</div>
      {isAuthor && <LookUp store={store} canForget={isOperator} />}
    </section>
  );
}

function Figure({ label, value, text }: { label: string; value: number | null | undefined; text: (value: number) => string }) {
  return <div><dt>{label}</dt><dd>{value === null || value === undefined ? '–' : text(value)}</dd></div>;
}

function LookUp({ store, canForget }: { store: Store; canForget: boolean }) {
  const { data } = useQuery(me);
  const [user, setUser] = useState('');
  const look = useLookUp(store.name);
  const forget = useForget();
  const forgotten = (who: string) => notifications.show({ message: `${store.name} has forgotten ${who}: the next call asks again.`, color: 'banknote' });
  return (
    <Stack gap="xs" mt="md">
      <form onSubmit={(event) => { event.preventDefault(); if (user.trim()) look.mutate(user.trim()); }}>
        <Group gap="xs" align="flex-end">
          <TextInput flex={1} label="Test look-up" description="Asks the store now, past the cache. The audit log keeps that you asked." placeholder={data?.testUsers[0] ?? 'User name'} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
          <Button type="submit" variant="default" loading={look.isPending} leftSection={<IconSearch size={15} />} disabled={user.trim() === ''}>Look up</Button>
        </Group>
      </form>
      {look.isError && <ProblemBox problem={look.error} />}
      {look.data && <Found answer={look.data} user={look.variables} />}
      {canForget && (
        <Menu position="bottom-start">
          <Menu.Target><Button variant="subtle" color="gray" size="compact-sm" w="fit-content" loading={forget.isPending}>Forget what is cached</Button></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item disabled={user.trim() === ''} onClick={() => forget.mutate({ store: store.name, user: user.trim() }, { onSuccess: () => forgotten(user.trim()) })}>Forget {user.trim() || 'the user above'}</Menu.Item>
            <Menu.Item onClick={() => forget.mutate({ store: store.name }, { onSuccess: () => forgotten('everybody') })}>Forget everybody</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      {forget.isError && <ProblemBox problem={forget.error} />}
    </Stack>
  );
}

function Found({ answer, user }: { answer: LookedUp; user: string }) {
  const found = lookUpOf(answer);
  if (found.is === 'no such user') return <p role="status">The store has no user <strong>{user}</strong>.</p>;
  if (found.is === 'failed') return <p role="alert" className={css.error}>The look-up failed: {found.reason}</p>;
  return (
    <dl className={parts.facts} role="status">
      {found.attributes.map(([name, text]) => <div key={name} style={{ display: 'contents' }}><dt>{name}</dt><dd className="mono">{text}</dd></div>)}
    </dl>
  );
}
