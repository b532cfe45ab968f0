/** A new client application, or an edit of one: fields, then the diff of the file, then Save. */
import { ActionIcon, Button, Group, Input, Modal, Stack, TagsInput, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { dryRun, type FileChange } from '../../api/changes';
import { Problem } from '../../api/client';
import type { Application, Diagnostic } from '../../api/types';
import { applicationOf, fieldOf, fieldsOf, rebased, type ApplicationFields } from '../../model/application';
import { DiagnosticsBox, ProblemBox } from '../../parts/ProblemBox';
import { Ticked } from '../../parts/Ticked';
import css from '../pages.module.css';
import { ReviewChange } from '../policies/ReviewChange';
import { SubscriptionRows, type ErrorAt } from './SubscriptionRows';

interface FormProps {
  /** The application as it was when the form was opened; null: a new one. */
  began: Application | null;
  /** The same as it is now; null when it is new, or gone. */
  now: Application | null;
  etag: string | null;
  onClose: () => void;
}

export function ApplicationForm({ began, now, etag, onClose }: FormProps) {
  const [opened] = useState(began);
  const [fields, setFields] = useState(() => fieldsOf(began));
  const [isReviewing, setReviewing] = useState(false);
  const [refused, setRefused] = useState<{ fields: ApplicationFields; problem: Problem } | null>(null);
  const change = useMemo(() => changeOf(fields, opened, now), [fields, opened, now]);
  const id = opened?.name ?? '';
  const client = useQueryClient();
  const check = useMutation({
    mutationFn: () => client.fetchQuery(dryRun(id, change, opened ? etag : null)),
    onSuccess: () => setReviewing(true),
    onError: (problem) => {
      if (problem instanceof Problem && [409, 422].includes(problem.status)) setRefused({ fields, problem });
      else setReviewing(true);
    },
  });
  const problem = refused?.fields === fields ? refused.problem : null;
  const { errorAt, others } = sorted(problem);
  const set = (changed: Partial<ApplicationFields>) => setFields({ ...fields, ...changed });
  const textField = (name: 'id' | 'owner' | 'tier') => ({
    value: fields[name], error: errorAt(name), onChange: (event: { currentTarget: { value: string } }) => set({ [name]: event.currentTarget.value }),
  });
  const isGone = opened !== null && now === null;
  return (
    <Modal opened onClose={onClose} title={opened ? `Edit ${opened.name}` : 'New application'} size="lg" closeOnClickOutside={false} closeOnEscape={!isReviewing}>
      <form noValidate onSubmit={(event) => { event.preventDefault(); check.mutate(); }}>
        <Stack>
          {isGone && <DiagnosticsBox title="Somebody else has removed or renamed this application" diagnostics={GONE} />}
          <TextInput label="Name" description="The claim applicationname." required data-autofocus value={fields.name} error={errorAt('name')} onChange={(event) => set({ name: event.currentTarget.value })} />
          <Group grow align="flex-start">
            <TextInput label="Id" description="The claim applicationid." {...textField('id')} />
            <TextInput label="Tier" description="The claim applicationtier." {...textField('tier')} />
          </Group>
          <TextInput label="Owner" description="The claim subscriber." {...textField('owner')} />
          <TagsInput label="Client ids" description="What its tokens carry. Type one, then press Enter." value={fields.clientIds} error={errorAt('clientIds')} onChange={(clientIds) => set({ clientIds })} />
          <TagsInput label="Client ids for the sandbox" description="Their calls go to sandbox endpoints." value={fields.sandboxClientIds} error={errorAt('sandboxClientIds')} onChange={(sandboxClientIds) => set({ sandboxClientIds })} />
          <Attributes fields={fields} errorAt={errorAt} onChange={set} />
          <SubscriptionRows subscriptions={fields.subscriptions} errorAt={errorAt} onChange={(subscriptions) => set({ subscriptions })} />
          <DiagnosticsBox title="The gateway would refuse this" diagnostics={others} />
          {problem && problem.status === 422 && problem.diagnostics.length === 0 && <ProblemBox problem={problem} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={check.isPending} disabled={fields.name.trim() === '' || isGone}>Review and save</Button>
          </Group>
        </Stack>
      </form>
      <ReviewChange id={id} title="Review the change" etag={opened ? etag : null} change={isReviewing ? change : null} onSaved={onClose} onClose={() => setReviewing(false)} />
    </Modal>
  );
}

const GONE: Diagnostic[] = [{ severity: 'warning', code: 'stale', message: 'Your settings are here until you close this form.' }];

function changeOf(fields: ApplicationFields, began: Application | null, now: Application | null): FileChange {
  const edited = applicationOf(fields, began);
  if (!began) return { kind: 'new application', application: edited };
  return { kind: 'application', application: rebased(applicationOf(fieldsOf(began), began), edited, applicationOf(fieldsOf(now ?? began), now ?? began)) };
}

/** Brings what the gateway refuses to the fields; a name that is taken is the name's error. */
function sorted(problem: Problem | null): { errorAt: ErrorAt; others: Diagnostic[] } {
  const isTaken = problem?.status === 409;
  const at = (diagnostic: Diagnostic) => fieldOf(diagnostic) ?? '';
  const isAt = (field: string, diagnostic: Diagnostic) => at(diagnostic) === field || at(diagnostic).startsWith(`${field}/`);
  const diagnostics = problem?.diagnostics.filter(({ severity }) => severity === 'error') ?? [];
  return {
    errorAt: (field) => {
      if (isTaken && field === 'name') return <Ticked text={problem.message} />;
      const found = diagnostics.filter((diagnostic) => isAt(field, diagnostic));
      return found.length > 0 ? found.map(({ message, hint }, index) => <span key={index} style={{ display: 'block' }}><Ticked text={hint ? `${message} (${hint})` : message} /></span>) : null;
    },
    others: diagnostics.filter((diagnostic) => !SHOWN.some((field) => isAt(field, diagnostic))),
  };
}

const SHOWN = ['name', 'id', 'tier', 'owner', 'clientIds', 'sandboxClientIds', 'attributes', 'subscriptions'];

function Attributes({ fields: { attributes }, errorAt, onChange }: { fields: ApplicationFields; errorAt: ErrorAt; onChange: (changed: Partial<ApplicationFields>) => void }) {
  const change = (at: number, changed: Partial<ApplicationFields['attributes'][number]>) => onChange({ attributes: attributes.map((row, other) => (other === at ? { ...row, ...changed } : row)) });
  return (
    <Input.Wrapper label="Attributes" labelElement="div" description="The claim applicationAttributes." error={errorAt('attributes')}>
      <div className={css.rows}>
        {attributes.map(({ name, value, isHidden }, at) => (
          <div key={at} className={css.pair}>
            <TextInput aria-label={`Attribute ${at + 1}: name`} placeholder="Name" value={name} onChange={(event) => change(at, { name: event.currentTarget.value })} />
            <TextInput aria-label={`Attribute ${at + 1}: value`} placeholder={isHidden ? 'Not shown; stays as it is' : 'Value'} value={value} onChange={(event) => change(at, { value: event.currentTarget.value })} />
            <ActionIcon aria-label={`Remove attribute ${at + 1}`} onClick={() => onChange({ attributes: attributes.toSpliced(at, 1) })}><IconTrash size={16} /></ActionIcon>
          </div>
        ))}
        <div><Button type="button" variant="light" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => onChange({ attributes: [...attributes, { name: '', value: '' }] })}>Add an attribute</Button></div>
      </div>
    </Input.Wrapper>
  );
}
