/** The API's file as text, to edit; saved after its diff was shown. */
import { Button, Group, Stack } from '@mantine/core';
import { useState } from 'react';
import { useRights } from '../../api/queries';
import type { Api, Diagnostic } from '../../api/types';
import { diffOf } from '../../model/diff';
import { merged } from '../../model/merge';
import { DiffView } from '../../parts/DiffView';
import { DiagnosticsBox } from '../../parts/ProblemBox';
import { TheirChange } from '../../parts/TheirChange';
import { ReviewChange } from '../policies/ReviewChange';
import { CodeEditor } from './CodeEditor';

/** The text as edited, of which text of the file it is an edit by now, and of which it was at first. */
interface Draft { text: string; base: string; began: string }

const CONFLICT: Diagnostic[] = [{ severity: 'warning', code: 'stale', message: 'Your text is as you left it. Take over what you want of theirs, or the diff that you save undoes it.' }];

export function DefinitionTab({ api, etag }: { api: Api; etag: string | null }) {
  const mayEdit = useRights().owns(api);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [isReviewing, setReviewing] = useState(false);
  const [mistakes, setMistakes] = useState<Diagnostic[]>([]);
  const text = draft?.text ?? api.document;
  const together = draft && draft.base !== api.document ? merged(draft.base, draft.text, api.document) : null;
  // Somebody else has saved other lines: both edits are in the text from now on.
  if (draft && together !== null) setDraft({ ...draft, text: together, base: api.document });
  const isConflict = draft !== null && draft.base !== api.document && together === null;
  const theirs = draft && draft.text !== api.document ? diffOf(draft.began, api.document) : '';
  return (
    <Stack>
      <p className="soft" style={{ margin: 0 }}>
        <span className="mono">{api.file}</span>, an apk-conf file. What you write here is what stands in the folder; comments and order stay.
      </p>
      {isConflict
        ? <><DiagnosticsBox title="Somebody else has changed the same lines" diagnostics={CONFLICT} /><DiffView diff={theirs} label="What they changed" /></>
        : <TheirChange diff={theirs} />}
      <DiagnosticsBox diagnostics={mistakes} title="The gateway would refuse this" />
      <CodeEditor
        label={`Definition of ${api.name}`} value={text} readOnly={!mayEdit}
        wrongLines={mistakes.flatMap(({ line }) => line ?? [])}
        onChange={(next) => { setDraft((before) => ({ began: api.document, base: api.document, ...before, text: next })); setMistakes([]); }}
      />
      {mayEdit && (
        <Group justify="flex-end">
          <Button variant="default" disabled={draft === null} onClick={() => { setDraft(null); setMistakes([]); }}>Reset</Button>
          <Button disabled={text === api.document} onClick={() => setReviewing(true)}>Review and save</Button>
        </Group>
      )}
      <ReviewChange
        id={api.id} file={api.file} etag={etag} title="Review the change" theirs={isConflict ? '' : theirs} change={isReviewing ? { kind: 'document', text } : null}
        onMistakes={(found) => { setMistakes(found); return true; }}
        onSaved={() => { setReviewing(false); setDraft(null); }} onClose={() => setReviewing(false)}
      />
    </Stack>
  );
}
