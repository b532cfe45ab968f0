/** The API's file as text, to edit; saved after its diff was shown. */
import { Button, Group, Stack } from '@mantine/core';
import { useState } from 'react';
import { useRights } from '../../api/queries';
import type { Api, Diagnostic } from '../../api/types';
import { DiagnosticsBox } from '../../parts/ProblemBox';
import { ReviewChange } from '../policies/ReviewChange';
import { CodeEditor } from './CodeEditor';

export function DefinitionTab({ api, etag }: { api: Api; etag: string | null }) {
  const { isAuthor } = useRights();
  const [draft, setDraft] = useState<{ text: string; etag: string | null } | null>(null);
  const [isReviewing, setReviewing] = useState(false);
  const [mistakes, setMistakes] = useState<Diagnostic[]>([]);
  const text = draft?.text ?? api.document;
  const isStale = draft !== null && draft.etag !== etag;
  return (
    <Stack>
      <p className="soft" style={{ margin: 0 }}>
        <span className="mono">{api.file}</span>, an apk-conf file. What you write here is what stands in the folder; comments and order stay.
      </p>
      {isStale && <DiagnosticsBox title="Somebody else has saved this file since you began" diagnostics={[{ severity: 'warning', code: 'stale', message: 'The diff is made against their version: look that it undoes nothing of theirs.' }]} />}
      <DiagnosticsBox diagnostics={mistakes} title="The gateway would refuse this" />
      <CodeEditor
        label={`Definition of ${api.name}`} value={text} readOnly={!isAuthor}
        wrongLines={mistakes.flatMap(({ line }) => line ?? [])}
        onChange={(next) => { setDraft((before) => ({ text: next, etag: before?.etag ?? etag })); setMistakes([]); }}
      />
      {isAuthor && (
        <Group justify="flex-end">
          <Button variant="default" disabled={draft === null} onClick={() => { setDraft(null); setMistakes([]); }}>Reset</Button>
          <Button disabled={text === api.document} onClick={() => setReviewing(true)}>Review and save</Button>
        </Group>
      )}
      <ReviewChange
        id={api.id} file={api.file} etag={etag} title="Review the change" change={isReviewing ? { kind: 'document', text } : null}
        onMistakes={(found) => { setMistakes(found); return true; }}
        onSaved={() => { setReviewing(false); setDraft(null); }} onClose={() => setReviewing(false)}
      />
    </Stack>
  );
}
