/** Claims with a value of the author's own, which may hold placeholders. */
import { ActionIcon, Button, Input, Select, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import type { InputProps } from './Field';

interface Custom { claim?: string; value?: unknown; type?: string }

const TYPES = ['string', 'int', 'long', 'float', 'bool', 'date', 'json'];

export function CustomClaims({ value, common, onChange }: InputProps) {
  const list = Array.isArray(value) ? (value as Custom[]) : [];
  const change = (at: number, custom: Custom) => onChange(list.with(at, custom));
  const removeAt = (at: number) => onChange(list.length === 1 ? undefined : list.toSpliced(at, 1));
  return (
    <Input.Wrapper
      {...common} labelElement="div"
      description={<>A text, or a placeholder: <span className="mono">{'${user.department}'}</span>, <span className="mono">{'${token.azp}'}</span>, <span className="mono">{'${application.name}'}</span>, <span className="mono">{'${api.version}'}</span>, <span className="mono">{'${operation.target}'}</span>.</>}
    >
      <div style={{ display: 'grid', gap: '0.5rem', marginTop: '0.5rem' }}>
        {list.map((custom, at) => (
          <div key={at} style={{ display: 'grid', gridTemplateColumns: 'minmax(0,1fr) minmax(0,1.5fr) 92px auto', gap: '0.4rem', alignItems: 'center' }}>
            <TextInput aria-label={`Custom claim ${at + 1}: name`} placeholder="Claim" value={custom.claim ?? ''} onChange={(event) => change(at, { ...custom, claim: event.currentTarget.value })} />
            <TextInput aria-label={`Custom claim ${at + 1}: value`} placeholder="Value" value={valueText(custom.value)} onChange={(event) => change(at, { ...custom, value: event.currentTarget.value })} />
            <Select aria-label={`Custom claim ${at + 1}: type`} data={TYPES} value={custom.type ?? 'string'} onChange={(type) => change(at, withType(custom, type))} comboboxProps={{ zIndex: 310 }} />
            <ActionIcon aria-label={`Remove custom claim ${at + 1}`} onClick={() => removeAt(at)}><IconTrash size={16} /></ActionIcon>
          </div>
        ))}
        <div>
          <Button type="button" variant="light" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => onChange([...list, { claim: '', value: '' }])}>Add a claim</Button>
        </div>
      </div>
    </Input.Wrapper>
  );
}

function valueText(value: unknown): string {
  return value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

function withType(custom: Custom, type: string | null): Custom {
  return { ...custom, type: type === null || type === 'string' ? undefined : type };
}
