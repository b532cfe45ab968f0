/** The last step before a file is written: its diff, what the gateway says of it, and Save. */
import { Button, Group, Modal, Skeleton, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { dryRun, useSaveFile, type FileChange } from '../../api/changes';
import { Problem } from '../../api/client';
import type { Diagnostic } from '../../api/types';
import { countOf } from '../../model/diff';
import { plural } from '../../model/format';
import { DiffView } from '../../parts/DiffView';
import { DiagnosticsBox, ProblemBox } from '../../parts/ProblemBox';

interface ReviewProps {
  id: string;
  title: string;
  file: string;
  change: FileChange | null;
  etag: string | null;
  children?: ReactNode;
  onSaved: () => void;
  onClose: () => void;
  /** Called with the mistakes of a change that does not compile, when whoever asked can show them at a field. */
  onMistakes?: (diagnostics: Diagnostic[]) => boolean;
}

export function ReviewChange({ change, onClose, title, ...rest }: ReviewProps) {
  return (
    <Modal opened={change !== null} onClose={onClose} title={title} size="xl" zIndex={320}>
      {change && <Review key={JSON.stringify(change)} change={change} onClose={onClose} {...rest} />}
    </Modal>
  );
}

type InnerProps = Omit<ReviewProps, 'change' | 'title'> & { change: FileChange };

function Review({ id, file, change, etag, children, onSaved, onClose, onMistakes }: InnerProps) {
  const client = useQueryClient();
  const save = useSaveFile(id);
  const [wasStale, setWasStale] = useState(false);
  const dry = useQuery({
    queryKey: ['dry-run', id, change, etag],
    queryFn: ({ signal }) => dryRun(id, change, etag, signal),
    retry: false, staleTime: Infinity, gcTime: 0,
  });
  const mistakes = dry.error instanceof Problem && dry.error.status === 422 ? dry.error.diagnostics : null;
  useEffect(() => {
    if (mistakes && onMistakes?.(mistakes)) onClose();
  }, [mistakes, onMistakes, onClose]);

  const problem = save.error ?? dry.error;
  const isStale = problem instanceof Problem && problem.status === 412;
  useEffect(() => {
    if (!isStale) return;
    setWasStale(true);
    save.reset();
    void client.invalidateQueries({ queryKey: ['api', id] });
  }, [isStale, client, id, save]);

  const saveNow = () => save.mutate({ change, etag }, {
    onSuccess: () => {
      notifications.show({ message: `Saved to ${file}, and live.`, color: 'banknote' });
      onSaved();
    },
  });
  const isEmpty = dry.data?.diff === '';
  return (
    <Stack>
      {children}
      {wasStale && <StaleNotice />}
      {dry.isPending && <Skeleton height={120} radius="md" role="status" aria-label="Working out the change" />}
      {dry.data && !isEmpty && <p className="soft">{file}: {lineCount(dry.data.diff)}. Everything else in the file stays as it is.</p>}
      {dry.data && (isEmpty ? <p>Nothing changes in {file}.</p> : <DiffView diff={dry.data.diff} />)}
      {dry.data && <DiagnosticsBox diagnostics={dry.data.diagnostics} title="Saved all the same, but look at this" />}
      {problem && !isStale && <ProblemBox problem={problem} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>Back</Button>
        <Button onClick={saveNow} loading={save.isPending} disabled={!dry.data || isEmpty} data-autofocus>Save to file</Button>
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
