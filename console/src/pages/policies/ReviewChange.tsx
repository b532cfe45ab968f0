/** The last step before a file is written: its diff, what the gateway says of it, and Save. */
import { Button, Group, Modal, Skeleton, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { dryRun, sourceOf, useSaveFile, type FileChange } from '../../api/changes';
import { Problem } from '../../api/client';
import type { Diagnostic } from '../../api/types';
import { countOf, fileOf } from '../../model/diff';
import { plural } from '../../model/format';
import { DiffView } from '../../parts/DiffView';
import { DiagnosticsBox, ProblemBox } from '../../parts/ProblemBox';
import { TheirChange } from '../../parts/TheirChange';

interface ReviewProps {
  /** The API's or the application's. */
  id: string;
  title: string;
  /** The file's name, where it is known before its diff is. */
  file?: string;
  change: FileChange | null;
  etag: string | null;
  /** What somebody else has saved since this edit began, as a diff. */
  theirs?: string;
  onSaved: () => void;
  onClose: () => void;
  /** Called with the mistakes of a change that does not compile, when whoever asked can show them at a field. */
  onMistakes?: (diagnostics: Diagnostic[]) => boolean;
}

export function ReviewChange({ change, onClose, title, ...rest }: ReviewProps) {
  return (
    <Modal opened={change !== null} onClose={onClose} title={title} size="xl" zIndex={320}>
      {change && <Review change={change} onClose={onClose} {...rest} />}
    </Modal>
  );
}

type InnerProps = Omit<ReviewProps, 'change' | 'title'> & { change: FileChange };

/**
 * Holds on to the change and the state of the file that it was opened with: what is saved is what is shown.
 * Only when the gateway says that the file is another by now does it take up the newer ones.
 */
function Review({ id, file: known, change, etag, theirs = '', onSaved, onClose, onMistakes }: InnerProps) {
  const client = useQueryClient();
  const save = useSaveFile(id);
  const [held, setHeld] = useState({ change, etag });
  const [wasStale, setWasStale] = useState(false);
  const dry = useQuery(dryRun(id, held.change, held.etag));
  const file = fileOf(dry.data?.diff ?? '') ?? known ?? 'the file';
  const mistakes = dry.error instanceof Problem && dry.error.status === 422 ? dry.error.diagnostics : null;
  useEffect(() => {
    if (mistakes && onMistakes?.(mistakes)) onClose();
  }, [mistakes, onMistakes, onClose]);

  const problem = save.error ?? dry.error;
  const isStale = problem instanceof Problem && problem.status === 412;
  const { reset } = save;
  useEffect(() => {
    if (isStale) void client.invalidateQueries({ queryKey: sourceOf(id, change) });
  }, [isStale, client, id, change]);
  useEffect(() => {
    if (!isStale || etag === held.etag) return;
    setWasStale(true);
    setHeld({ change, etag });
    reset();
  }, [isStale, etag, held.etag, change, reset]);

  const saveNow = () => save.mutate(held, {
    onSuccess: () => {
      notifications.show({ message: `Saved to ${file}, and live.`, color: 'banknote' });
      onSaved();
    },
  });
  const isEmpty = dry.data?.diff === '';
  return (
    <Stack>
      {theirs !== '' && !save.isPending ? <TheirChange diff={theirs} /> : wasStale && <StaleNotice />}
      {(dry.isPending || isStale) && <Skeleton height={120} radius="md" role="status" aria-label="Working out the change" />}
      {dry.data && !isEmpty && <p className="soft">{file}: {lineCount(dry.data.diff)}. Everything else in the file stays as it is.</p>}
      {dry.data && (isEmpty ? <p>Nothing changes in {file}.</p> : <DiffView diff={dry.data.diff} />)}
      {dry.data && <DiagnosticsBox diagnostics={dry.data.diagnostics} title="Saved all the same, but look at this" />}
      {problem && !isStale && <ProblemBox problem={problem} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>Back</Button>
        <Button onClick={saveNow} loading={save.isPending} disabled={!dry.data || isEmpty || isStale} data-autofocus>Save to file</Button>
      </Group>
    </Stack>
  );
}

function lineCount(diff: string): string {
  const { added, removed } = countOf(diff);
  return `${plural(added, 'line')} added, ${plural(removed, 'line')} removed`;
}

function StaleNotice() {
  return (
    <DiagnosticsBox
      title="Somebody else has saved this file in the meantime"
      diagnostics={[{ severity: 'warning', code: 'stale', message: 'Their change is kept. Below is your change on top of it; look again, then save.' }]}
    />
  );
}
