/** Which APIs an application may call, each with a tier: rows of a form. */
import { ActionIcon, Autocomplete, Button, Input, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { apis } from '../../api/queries';
import type { Subscription } from '../../api/types';
import css from '../pages.module.css';

/** What is wrong with a field, drawn; null when nothing is. */
export type ErrorAt = (field: string) => ReactNode;

interface RowsProps { subscriptions: Subscription[]; errorAt: ErrorAt; onChange: (subscriptions: Subscription[]) => void }

export function SubscriptionRows({ subscriptions, errorAt, onChange }: RowsProps) {
  const change = (at: number, changed: Partial<Subscription>) => onChange(subscriptions.map((row, other) => (other === at ? { ...row, ...changed } : row)));
  return (
    <Input.Wrapper label="Subscriptions" labelElement="div" description="The APIs that it may call, where an API asks for a subscription. Without a version: every one." error={subscriptions.length === 0 ? errorAt('subscriptions') : null}>
      <div className={css.rows}>
        {subscriptions.map((row, at) => <Row key={at} at={at} row={row} error={errorAt(`subscriptions/${at}`)} onChange={(changed) => change(at, changed)} onRemove={() => onChange(subscriptions.toSpliced(at, 1))} />)}
        <div><Button type="button" variant="light" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => onChange([...subscriptions, { api: '' }])}>Add a subscription</Button></div>
      </div>
    </Input.Wrapper>
  );
}

interface RowProps { at: number; row: Subscription; error: ReturnType<ErrorAt>; onChange: (changed: Partial<Subscription>) => void; onRemove: () => void }

function Row({ at, row: { api, version, tier }, error, onChange, onRemove }: RowProps) {
  const [wanted] = useDebouncedValue(api, 200);
  const { data } = useInfiniteQuery({ ...apis(wanted), placeholderData: keepPreviousData });
  const names = [...new Set(data?.pages.flatMap(({ items }) => items.map(({ name }) => name)) ?? [])];
  return (
    <div className={css.subscription}>
      <Autocomplete aria-label={`Subscription ${at + 1}: API`} placeholder="API" value={api} data={names} limit={20} error={error} onChange={(next) => onChange({ api: next })} comboboxProps={{ zIndex: 310 }} />
      <TextInput aria-label={`Subscription ${at + 1}: version`} placeholder="Version" value={version ?? ''} onChange={(event) => onChange({ version: event.currentTarget.value })} />
      <TextInput aria-label={`Subscription ${at + 1}: tier`} placeholder="Tier" value={tier ?? ''} onChange={(event) => onChange({ tier: event.currentTarget.value })} />
      <ActionIcon aria-label={`Remove subscription ${at + 1}`} onClick={onRemove}><IconTrash size={16} /></ActionIcon>
    </div>
  );
}
