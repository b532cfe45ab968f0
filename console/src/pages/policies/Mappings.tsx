/** Renames on top of the dialect: this claim from that attribute. */
import { ActionIcon, Autocomplete, Button, Input, TextInput } from '@mantine/core';
import { IconArrowLeft, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { stores } from '../../api/queries';
import type { InputProps } from './Field';

type Pair = [claim: string, attribute: string];

export function Mappings({ value, common, onChange }: InputProps) {
  const given = value !== null && typeof value === 'object' ? (Object.entries(value) as Pair[]) : [];
  // A row that is not finished has no place in an object: it lives here until it has a name.
  const [rows, setRows] = useState<Pair[]>(given);
  const attributes = [...new Set((useQuery(stores).data?.items ?? []).flatMap((store) => store.attributes))];
  const shown = value === undefined && rows.every(([claim]) => claim !== '') && rows.length > 0 ? [] : rows;
  const change = (next: Pair[]) => {
    setRows(next);
    const named = next.filter(([claim]) => claim !== '');
    onChange(named.length > 0 ? Object.fromEntries(named) : undefined);
  };
  return (
    <Input.Wrapper {...common} labelElement="div" description="An attribute under a name that you choose, instead of the dialect’s.">
      <div style={{ display: 'grid', gap: '0.5rem', marginTop: '0.5rem' }}>
        {shown.map(([claim, attribute], at) => (
          <div key={at} style={{ display: 'grid', gridTemplateColumns: 'minmax(0,1fr) auto minmax(0,1fr) auto', gap: '0.4rem', alignItems: 'center' }}>
            <TextInput aria-label={`Mapping ${at + 1}: claim`} placeholder="Claim" value={claim} onChange={(event) => change(shown.with(at, [event.currentTarget.value, attribute]))} />
            <IconArrowLeft size={15} aria-hidden="true" />
            <Autocomplete aria-label={`Mapping ${at + 1}: attribute`} placeholder="Attribute" data={attributes} value={attribute} onChange={(next) => change(shown.with(at, [claim, next]))} comboboxProps={{ zIndex: 310 }} />
            <ActionIcon aria-label={`Remove mapping ${at + 1}`} onClick={() => change(shown.toSpliced(at, 1))}><IconTrash size={16} /></ActionIcon>
          </div>
        ))}
        <div><Button type="button" variant="light" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => setRows([...shown, ['', '']])}>Add a name</Button></div>
      </div>
    </Input.Wrapper>
  );
}
