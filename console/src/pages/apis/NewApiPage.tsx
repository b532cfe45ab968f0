/** A new API from a file that somebody has already: dropped, chosen or pasted; shown as what it becomes before it is made. */
import { Button, FileButton, Group, Stack, TextInput, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconFileUpload, IconLock } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState, type DragEvent } from 'react';
import { Link, useNavigate } from 'react-router';
import { dryRunNewApi, useCreateApi } from '../../api/changes';
import { useRights } from '../../api/queries';
import { Problem } from '../../api/client';
import type { Diagnostic, NewApi } from '../../api/types';
import { segmentsOf } from '../../model/pointer';
import { DiffView } from '../../parts/DiffView';
import { Card, Empty, Page } from '../../parts/Page';
import { DiagnosticsBox, ProblemBox } from '../../parts/ProblemBox';
import { Ticked } from '../../parts/Ticked';
import parts from '../../parts/parts.module.css';
import { ImportNotes } from './ImportNotes';
import css from './apis.module.css';

const MOST_BYTES = 4 * 1024 * 1024;
const FIELDS = ['name', 'version', 'basePath', 'endpoint'] as const;
type Fields = Partial<Record<(typeof FIELDS)[number], string>>;

export function NewApiPage() {
  const [file, setFile] = useState<{ name: string; text: string } | null>(null);
  const { isAuthor } = useRights();
  if (!isAuthor) return <Page title="New API"><div className={parts.card}><Empty icon={<IconLock />} title="Authors make APIs">You may look at everything here, and change nothing. Ask the operator for the role author.</Empty></div></Page>;
  return (
    <Page title="New API" lead="From an OpenAPI document (3.0 or 3.1) or an apk-conf file. It becomes a file in the gateway’s folder, and is live at once.">
      {file ? <Draft key={file.name + file.text.length} file={file} onBack={() => setFile(null)} /> : <Choose onFile={setFile} />}
    </Page>
  );
}

function Choose({ onFile }: { onFile: (file: { name: string; text: string }) => void }) {
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [text, setText] = useState('');
  const read = async (file: File | null | undefined) => {
    if (!file) return;
    if (file.size > MOST_BYTES) return setProblem(`${file.name} is larger than 4 MB. Leave out what the gateway does not need, such as examples.`);
    onFile({ name: file.name, text: await file.text() });
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void read(event.dataTransfer.files[0]);
  };
  return (
    <Stack>
      <div className={css.drop} data-over={isOver || undefined} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <IconFileUpload size={34} stroke={1.5} aria-hidden="true" />
        <strong>Drop a file here</strong>
        <span className="soft">YAML or JSON, up to 4 MB</span>
        <FileButton onChange={(file) => void read(file)} accept=".yaml,.yml,.json,.apk-conf,application/json,application/yaml" inputProps={{ 'aria-label': 'API definition' }}>
          {(props) => <Button variant="default" {...props}>Choose a file</Button>}
        </FileButton>
        {problem && <span role="alert" style={{ color: 'var(--bad)' }}>{problem}</span>}
      </div>
      <Card title="Or paste it">
        <Textarea aria-label="API definition as text" value={text} onChange={(event) => setText(event.currentTarget.value)} rows={6} spellCheck={false} classNames={{ input: 'mono' }} placeholder={'openapi: 3.1.0\ninfo: …'} />
        <Group justify="flex-end" mt="sm">
          <Button component={Link} to="/apis" variant="subtle" color="gray">Cancel</Button>
          <Button disabled={text.trim() === ''} onClick={() => onFile({ name: 'Pasted text', text })}>Continue</Button>
        </Group>
      </Card>
    </Stack>
  );
}

function Draft({ file, onBack }: { file: { name: string; text: string }; onBack: () => void }) {
  const [fields, setFields] = useState<Fields>({});
  const [settled] = useDebouncedValue(fields, 350);
  const create = useCreateApi();
  const navigate = useNavigate();
  const draft: NewApi = { document: file.text, kind: 'auto', ...given(settled) };
  const dry = useQuery({
    queryKey: ['dry-run', 'new', draft],
    queryFn: ({ signal }) => dryRunNewApi(draft, signal),
    retry: false, staleTime: Infinity, gcTime: 0, placeholderData: keepPreviousData,
  });
  const problem = dry.error ?? create.error;
  const diagnostics = problem instanceof Problem ? problem.diagnostics : [];
  const errorsAt = (name: string) => diagnostics.filter((diagnostic) => fieldOf(diagnostic) === name);
  const others = diagnostics.filter((diagnostic) => !FIELDS.some((name) => fieldOf(diagnostic) === name));
  const error = (name: (typeof FIELDS)[number]) => {
    const found = errorsAt(name);
    return found.length > 0 ? found.map((one, at) => <span key={at} style={{ display: 'block' }}><Ticked text={one.hint ? `${one.message} (${one.hint})` : one.message} /></span>) : null;
  };
  const set = (name: (typeof FIELDS)[number]) => ({
    value: fields[name] ?? '', error: error(name), placeholder: 'As in the file',
    onChange: (event: { currentTarget: { value: string } }) => setFields({ ...fields, [name]: event.currentTarget.value }),
  });
  return (
    <div className={css.columns}>
      <Card title={file.name}>
        <Stack>
          <p className="soft" style={{ margin: 0 }}>Fill in what should differ from the file, or what it does not say.</p>
          <TextInput label="Name" description="Also the audience of its Backend JWTs, unless a policy says otherwise." {...set('name')} />
          <TextInput label="Version" {...set('version')} />
          <TextInput label="Base path" description="Where callers find it: base path and version." {...set('basePath')} />
          <TextInput label="Backend" description="Where its calls go: an http:// or https:// address." {...set('endpoint')} />
          <Group justify="space-between">
            <Button variant="subtle" color="gray" onClick={onBack}>Another file</Button>
            <Button loading={create.isPending} disabled={!dry.data || dry.isError || dry.isFetching || fields !== settled} onClick={() => create.mutate(draft, { onSuccess: (made) => void navigate(`/apis/${encodeURIComponent(made.id)}/policies?level=operation`) })}>Create the API</Button>
          </Group>
        </Stack>
      </Card>
      <Card title="The file it becomes">
        <Stack>
          {dry.isPending && <p role="status" className="soft">Reading the document …</p>}
          {others.length > 0 && <DiagnosticsBox diagnostics={others} title="This cannot become an API yet" />}
          {problem && diagnostics.length === 0 && <ProblemBox problem={problem} />}
          {dry.data && !dry.isError && (
            <>
              <DiagnosticsBox diagnostics={dry.data.diagnostics} title="Created all the same, but look at this" />
              <ImportNotes notes={dry.data.notes ?? []} />
              <DiffView diff={dry.data.diff} label="The new file" />
            </>
          )}
        </Stack>
      </Card>
    </div>
  );
}

function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ''));
}

function fieldOf({ pointer }: Diagnostic): string | null {
  return pointer ? (segmentsOf(pointer)[0] ?? null) : null;
}
