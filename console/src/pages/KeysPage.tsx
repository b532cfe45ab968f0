/** Signing keys: where each is in its life, rotation in one click, and the key set that backends see. */
import { Button, Group, Select, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconKey, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAnnounceKey, useKeyAction, type KeyAction } from '../api/changes';
import { keys, me, useRights } from '../api/queries';
import type { SigningKey } from '../api/types';
import { agoText, clockText, plural } from '../model/format';
import { actionsOf, lifeOf, type Step } from '../model/keys';
import { Chip } from '../parts/Chip';
import { CopyIcon } from '../parts/Copied';
import { Confirm } from '../parts/Confirm';
import { Card, Empty, Loaded, Page } from '../parts/Page';
import { useNow } from '../parts/useNow';
import { Jwks } from './Jwks';
import css from './pages.module.css';

export function KeysPage() {
  const query = useQuery({ ...keys, refetchInterval: 10_000 });
  const { isOperator } = useRights();
  return (
    <Page title="Keys" lead="The gateway signs with one active key for each algorithm. A new key is published first, so that every backend knows it before it signs.">
      <Loaded query={query}>
        {({ items }) => (
          <div className={css.columns}>
            <Stack>
              {items.length === 0 && <Card><Empty icon={<IconKey />} title="No keys yet">The gateway makes an ES256 and an RS256 key when it starts with an empty keys folder.</Empty></Card>}
              {[...new Set(items.map(({ algorithm }) => algorithm))].map((algorithm) => (
                <Algorithm key={algorithm} algorithm={algorithm} keys={items.filter((key) => key.algorithm === algorithm)} isOperator={isOperator} />
              ))}
              {isOperator && <Announce known={items.map(({ algorithm }) => algorithm)} />}
            </Stack>
            <Jwks keys={items} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Algorithm({ algorithm, keys, isOperator }: { algorithm: string; keys: SigningKey[]; isOperator: boolean }) {
  const announce = useAnnounceKey();
  const [isAsking, setAsking] = useState(false);
  const waiting = keys.find(({ state }) => state === 'announced');
  const close = () => { setAsking(false); announce.reset(); };
  return (
    <Card title={(
      <Group justify="space-between">
        <span>{algorithm}</span>
        {isOperator && !waiting && <Button size="compact-sm" variant="light" leftSection={<IconRefresh size={14} />} onClick={() => setAsking(true)}>Rotate</Button>}
      </Group>
    )}>
      <div className={css.keys}>{keys.map((key) => <KeyRow key={key.kid} signingKey={key} isOperator={isOperator} />)}</div>
      <Confirm
        opened={isAsking} title={`Rotate the ${algorithm} key?`} action="Announce a new key" isPending={announce.isPending} error={announce.error} onClose={close}
        onConfirm={() => announce.mutate(algorithm, { onSuccess: () => { notifications.show({ message: `A new ${algorithm} key is published. It signs once every backend has had time to fetch it.`, color: 'banknote' }); close(); } })}
      >
        <p style={{ margin: 0 }}>A new key is made and published now. After the announcement time it signs by itself, and the old one stays published until the last token that it signed has ended. No call fails.</p>
      </Confirm>
    </Card>
  );
}

const STATES = { announced: 'Announced', active: 'Active', retired: 'Retired', gone: 'Gone', revoked: 'Revoked' } as const;
const TONES = { announced: 'plain', active: 'good', retired: 'warn', gone: 'plain', revoked: 'bad' } as const;

function KeyRow({ signingKey, isOperator }: { signingKey: SigningKey; isOperator: boolean }) {
  const now = useNow();
  const [action, setAction] = useState<KeyAction | null>(null);
  const { kid, state, usedBy } = signingKey;
  return (
    <div className={css.key}>
      <div className={css.keyHead}>
        <Chip tone={TONES[state]} dot>{STATES[state]}</Chip>
        <span className="mono break">{kid}</span>
        <CopyIcon value={kid} label="Copy the key id" />
        {usedBy !== null && usedBy !== undefined && state === 'active' && <span className="soft">signs for {plural(usedBy, 'policy', 'policies')}</span>}
        {Boolean(signingKey.certificate) && <Chip>with certificate</Chip>}
      </div>
      <ol className={css.life} aria-label="Life of the key">
        {lifeOf(signingKey).map((step) => <LifeStep key={step.title} step={step} now={now} />)}
      </ol>
      {isOperator && (
        <Group gap="xs">
          {actionsOf(signingKey).map((one) => <Button key={one} size="compact-sm" variant="default" c={one === 'revoke' ? 'var(--bad)' : undefined} onClick={() => setAction(one)}>{ACTIONS[one].title}</Button>)}
        </Group>
      )}
      {action && <Act signingKey={signingKey} action={action} onClose={() => setAction(null)} />}
    </div>
  );
}

function LifeStep({ step, now }: { step: Step; now: number }) {
  return (
    <li data-past={step.is === 'past' || undefined} data-now={step.is === 'now' || undefined} aria-current={step.is === 'now' ? 'step' : undefined}>
      <strong>{step.title}</strong>
      <span className="soft" title={clockText(step.at)}>{step.at ? agoText(step.at, now) : step.is === 'later' ? 'not yet' : '–'}</span>
    </li>
  );
}

const ACTIONS: Record<KeyAction, { title: string; text: string; danger: boolean }> = {
  activate: { title: 'Activate now', text: 'It signs from now on, and the key before it retires. A backend that has not fetched the key set since the announcement refuses its tokens until it does.', danger: false },
  retire: { title: 'Retire', text: 'It signs no more: the announced key of this algorithm takes over, or a new one. It stays published until its last token has ended. No call fails.', danger: false },
  revoke: { title: 'Revoke', text: 'For a key that somebody else may have. It leaves the key set at once, and every token that it signed is refused as soon as the backends fetch the set again.', danger: true },
};

function Act({ signingKey, action, onClose }: { signingKey: SigningKey; action: KeyAction; onClose: () => void }) {
  const act = useKeyAction();
  const { title, text, danger } = ACTIONS[action];
  return (
    <Confirm opened title={`${title}: ${signingKey.algorithm}`} action={title} danger={danger} isPending={act.isPending} error={act.error} onClose={onClose} onConfirm={() => act.mutate({ kid: signingKey.kid, action }, { onSuccess: onClose })}>
      <p style={{ margin: 0 }}>{text}</p>
      <p className="mono break" style={{ margin: 0 }}>{signingKey.kid}</p>
    </Confirm>
  );
}

const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

function Announce({ known }: { known: string[] }) {
  const others = ALGORITHMS.filter((algorithm) => !known.includes(algorithm));
  const [algorithm, setAlgorithm] = useState<string | null>(others[0] ?? null);
  const announce = useAnnounceKey();
  const { data } = useQuery(me);
  if (others.length === 0) return null;
  return (
    <Card title="A key for another algorithm">
      <Group align="flex-end">
        <Select label="Algorithm" description={`Policies can then ask ${data?.gateway.issuer ?? 'the gateway'} to sign with it.`} data={others} value={algorithm} onChange={setAlgorithm} />
        <Button variant="default" disabled={!algorithm} loading={announce.isPending} onClick={() => algorithm && announce.mutate(algorithm)}>Make a key</Button>
      </Group>
    </Card>
  );
}
