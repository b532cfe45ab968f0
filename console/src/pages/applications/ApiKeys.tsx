/** An application's API keys: made here and shown once, taken back here. */
import { ActionIcon, Button, Checkbox, Group, Modal, Stack, TagsInput, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useCreateApiKey, useDeleteApiKey } from '../../api/changes';
import { Problem } from '../../api/client';
import type { ApiKey, Application } from '../../api/types';
import { segmentsOf } from '../../model/pointer';
import { Confirm } from '../../parts/Confirm';
import { CodeBlock } from '../../parts/Copied';
import { ProblemBox } from '../../parts/ProblemBox';
import { Ticked } from '../../parts/Ticked';
import css from '../pages.module.css';

export function ApiKeys({ application: { name, apiKeys = [] }, isOperator }: { application: Application; isOperator: boolean }) {
  const [isMaking, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<string | null>(null);
  const remove = useDeleteApiKey();
  const close = () => { setRevoked(null); remove.reset(); };
  return (
    <>
      {apiKeys.length === 0 ? 'none' : (
        <ul className={css.apiKeys} aria-label={`API keys of ${name}`}>
          {apiKeys.map((key) => (
            <li key={key.id}>
              <KeyText apiKey={key} />
              {isOperator && <ActionIcon size="sm" aria-label={`Revoke the key ${key.id}`} onClick={() => setRevoked(String(key.id))}><IconTrash size={14} /></ActionIcon>}
            </li>
          ))}
        </ul>
      )}
      {isOperator && <div><Button size="compact-xs" variant="light" leftSection={<IconPlus size={13} />} onClick={() => setMaking(true)}>New API key</Button></div>}
      <Modal opened={isMaking} onClose={() => setMaking(false)} title={`New API key for ${name}`} closeOnClickOutside={false}>{isMaking && <NewKey application={name} onDone={() => setMaking(false)} />}</Modal>
      <Confirm
        opened={revoked !== null} title={`Revoke the key ${revoked}?`} action="Revoke" danger isPending={remove.isPending} error={remove.error} onClose={close}
        onConfirm={() => revoked !== null && remove.mutate({ application: name, id: revoked }, { onSuccess: close })}
      >
        <p style={{ margin: 0 }}>Calls with it are refused from now on. It cannot be had back: who still needs one gets a new key.</p>
      </Confirm>
    </>
  );
}

function KeyText({ apiKey: { id, expires, scopes = [], sandbox } }: { apiKey: ApiKey }) {
  return (
    <span>
      <span className="mono break">{id}</span>
      {expires && <span className="soft">, until {expires}</span>}
      {scopes.length > 0 && <span className="soft">, {scopes.join(' ')}</span>}
      {sandbox && <span className="soft">, for the sandbox</span>}
    </span>
  );
}

function NewKey({ application, onDone }: { application: string; onDone: () => void }) {
  const [id, setId] = useState('');
  const [expires, setExpires] = useState('');
  const [scopes, setScopes] = useState<string[]>([]);
  const [isSandbox, setSandbox] = useState(false);
  const create = useCreateApiKey();
  if (create.data) {
    return (
      <Stack>
        <p style={{ margin: 0 }}>Copy it now. The gateway keeps a hash alone, so it can never be shown again.</p>
        <CodeBlock code={create.data.key} label="API key" />
        <Button onClick={onDone}>I have copied it</Button>
      </Stack>
    );
  }
  const problem = create.error instanceof Problem ? create.error : null;
  const errorAt = (field: string) => {
    if (problem?.status === 409) return field === 'id' ? <Ticked text={problem.message} /> : null;
    const found = problem?.diagnostics.find(({ pointer }) => pointer && segmentsOf(pointer)[2] === field);
    return found ? <Ticked text={found.message} /> : null;
  };
  const isAtField = ['id', 'expires', 'scopes'].some((field) => errorAt(field) !== null);
  const make = () => create.mutate({ application, id: id.trim(), ...(expires ? { expires } : {}), ...(scopes.length > 0 ? { scopes } : {}), ...(isSandbox ? { sandbox: true } : {}) });
  return (
    <form onSubmit={(event) => { event.preventDefault(); make(); }}>
      <Stack>
        <TextInput label="Name" description="How it is called in the log, such as nightly-2027." required value={id} error={errorAt('id')} onChange={(event) => { setId(event.currentTarget.value); create.reset(); }} />
        <TextInput type="date" label="Expires" description="Empty: never." value={expires} error={errorAt('expires')} onChange={(event) => { setExpires(event.currentTarget.value); create.reset(); }} />
        <TagsInput label="Scopes" description="What it may do where an operation asks for scopes." value={scopes} error={errorAt('scopes')} onChange={setScopes} />
        <Checkbox label="For the sandbox" description="Its calls go to sandbox endpoints." checked={isSandbox} onChange={(event) => setSandbox(event.currentTarget.checked)} />
        {create.isError && !isAtField && <ProblemBox problem={create.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onDone}>Cancel</Button><Button type="submit" loading={create.isPending} disabled={id.trim() === ''}>Make the key</Button></Group>
      </Stack>
    </form>
  );
}
