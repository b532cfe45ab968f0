/** The policies that there are, to drag into a lane or to add with a button. */
import { useDraggable } from '@dnd-kit/core';
import { Button, Modal, SegmentedControl, Select, Stack, TextInput } from '@mantine/core';
import { IconGripVertical, IconPlus, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import type { Flow, PolicyType } from '../../api/types';
import type { Level } from '../../model/policies';
import { usePolicyActions } from './actions';
import css from './policies.module.css';

interface PaletteProps { types: PolicyType[]; keys: string[]; suggested: Level }

export function Palette({ types, keys, suggested }: PaletteProps) {
  const [q, setQ] = useState('');
  const [adding, setAdding] = useState<PolicyType | null>(null);
  const shown = types.filter((type) => `${type.title} ${type.about}`.toLowerCase().includes(q.toLowerCase()));
  return (
    <aside className={css.palette} aria-label="Policies to attach">
      <h2>Policies</h2>
      <p className="soft">Drag one into a flow, or press Add.</p>
      {types.length > 5 && (
        <TextInput value={q} onChange={(event) => setQ(event.currentTarget.value)} placeholder="Search" aria-label="Search the policies" leftSection={<IconSearch size={15} />} size="xs" />
      )}
      <ul className={css.types}>
        {shown.map((type) => <TypeCard key={type.name} type={type} onAdd={() => setAdding(type)} />)}
      </ul>
      {shown.length === 0 && <p className="soft">No policy has “{q}” in its name.</p>}
      <Modal opened={adding !== null} onClose={() => setAdding(null)} title={`Add ${adding?.title ?? ''}`}>
        {adding && <AddTo type={adding} keys={keys} suggested={suggested} onDone={() => setAdding(null)} />}
      </Modal>
    </aside>
  );
}

function TypeCard({ type, onAdd }: { type: PolicyType; onAdd: () => void }) {
  const { setNodeRef, attributes, listeners, isDragging } = useDraggable({ id: `type:${type.name}`, data: { kind: 'type', type, title: type.title } });
  return (
    <li className={css.type} data-dragging={isDragging || undefined}>
      <button type="button" ref={setNodeRef} className={css.typeGrip} {...attributes} {...listeners}>
        <IconGripVertical size={16} aria-hidden="true" />
        <span className={css.typeText}><strong><span className="visually-hidden">Drag </span>{type.title}</strong><span className="soft">{type.about}</span></span>
      </button>
      <Button size="compact-xs" variant="light" leftSection={<IconPlus size={13} />} onClick={onAdd} aria-label={`Add ${type.title}`}>Add</Button>
    </li>
  );
}

const API = '(api)';
const MOST = 50;

function AddTo({ type, keys, suggested, onDone }: { type: PolicyType; keys: string[]; suggested: Level; onDone: () => void }) {
  const actions = usePolicyActions();
  const [where, setWhere] = useState(suggested.level === 'api' ? API : suggested.key);
  const [flow, setFlow] = useState<Flow>(type.flows[0] ?? 'request');
  const level: Level = where === API ? { level: 'api' } : { level: 'operation', key: where };
  return (
    <Stack>
      <Select
        label="Where" description="API level covers every operation, also those that come later."
        data={[{ value: API, label: 'API level: every operation' }, ...keys.map((key) => ({ value: key, label: key }))]}
        value={where} onChange={(value) => setWhere(value ?? API)} searchable limit={MOST} nothingFoundMessage="No such operation"
      />
      {type.flows.length > 1 && (
        <SegmentedControl aria-label="Flow" value={flow} onChange={(value) => setFlow(value as Flow)} data={type.flows.map((value) => ({ value, label: value === 'request' ? 'Request flow' : 'Response flow' }))} />
      )}
      <Button onClick={() => { actions.add(type, { ...level, flow, index: Number.MAX_SAFE_INTEGER }); onDone(); }}>Configure {type.title}</Button>
    </Stack>
  );
}
