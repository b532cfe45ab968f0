/** Asks before something that cannot be undone with one click, and shows the problem if it fails. */
import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { ProblemBox } from './ProblemBox';

interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  action: string;
  danger?: boolean;
  isPending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ opened, title, children, action, danger, isPending, error, onConfirm, onClose }: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} size="lg">
      <Stack>
        {children}
        {error !== null && error !== undefined && <ProblemBox problem={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button color={danger ? 'red.8' : undefined} loading={isPending} onClick={onConfirm} data-autofocus>{action}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
