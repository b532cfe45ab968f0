/** Follows the gateway's `revision` events: what is on the screen is read again when a snapshot is published or refused. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

export function useFollowRevisions(): void {
  const client = useQueryClient();
  useEffect(() => {
    const events = new EventSource('/api/v1/events');
    let seen: string | null = null;
    events.addEventListener('revision', ({ data }: MessageEvent<string>) => {
      // The first event says what runs now: that is what the page has just read.
      const isNews = seen !== null && seen !== data;
      seen = data;
      if (isNews) void client.invalidateQueries({ predicate: isConfiguration });
    });
    return () => events.close();
  }, [client]);
}

const NOT_CONFIGURATION = new Set(['dry-run', 'traffic', 'requests', 'preview', 'shadow']);

function isConfiguration({ queryKey }: { queryKey: readonly unknown[] }): boolean {
  return !NOT_CONFIGURATION.has(String(queryKey[0]));
}
