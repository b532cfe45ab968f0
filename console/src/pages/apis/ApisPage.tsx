/** All APIs: found by name, read a page at a time, only what is on the screen in the page. */
import { Button, Group, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconApi, IconPlus, IconSearch } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { apis, useRights } from '../../api/queries';
import type { ApiSummary } from '../../api/types';
import { plural } from '../../model/format';
import { Chip } from '../../parts/Chip';
import { Empty, Page } from '../../parts/Page';
import { ProblemBox } from '../../parts/ProblemBox';
import parts from '../../parts/parts.module.css';
import css from './apis.module.css';

export function ApisPage() {
  const { isAuthor, isOperator, owns } = useRights();
  const [search, setSearch] = useSearchParams();
  const q = search.get('q') ?? '';
  // Operators own every API; authors see theirs first.
  const isMine = isAuthor && !isOperator && search.get('whose') !== 'all';
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    setSearch(next, { replace: true });
  };
  const [wanted] = useDebouncedValue(q.trim(), 200);
  const list = useInfiniteQuery({ ...apis(wanted), placeholderData: keepPreviousData });
  const all = list.data?.pages.flatMap((page) => page.items) ?? [];
  const items = isMine ? all.filter(owns) : all;
  const total = isMine ? items.length : (list.data?.pages[0]?.total ?? 0);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = list;
  // Which are theirs is known once all are.
  useEffect(() => {
    if (isMine && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [isMine, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const add = isAuthor && <Button component={Link} to="/apis/new" leftSection={<IconPlus size={16} />}>New API</Button>;
  return (
    <Page title="APIs" lead="What the gateway serves. Open one to decide what its backend learns about the caller." actions={add}>
      <Group mb="md" gap="md">
        <TextInput className={css.search} value={q} onChange={(event) => change('q', event.currentTarget.value)} placeholder="Search by name or path" aria-label="Search the APIs" leftSection={<IconSearch size={16} />} />
        {isAuthor && !isOperator && <SegmentedControl aria-label="Whose APIs" value={isMine ? 'mine' : 'all'} onChange={(whose) => change('whose', whose === 'all' ? whose : '')} data={[{ value: 'mine', label: 'Yours' }, { value: 'all', label: 'All' }]} />}
        {list.data && <span className="soft" role="status">{plural(total, 'API')}{wanted && ' found'}</span>}
      </Group>
      {list.isError && <ProblemBox problem={list.error} action={<Button size="xs" variant="default" onClick={() => void list.refetch()}>Try again</Button>} />}
      {list.data && items.length === 0 && !(isMine && hasNextPage) && (
        <div className={parts.card}><Nothing wanted={wanted} isMine={isMine && all.length > 0} add={add} onAll={() => setSearch({ whose: 'all' })} /></div>
      )}
      {items.length > 0 && <Rows items={items} hasMore={hasNextPage} isFetching={isFetchingNextPage} more={() => void fetchNextPage()} />}
    </Page>
  );
}

function Nothing({ wanted, isMine, add, onAll }: { wanted: string; isMine: boolean; add: ReactNode; onAll: () => void }) {
  if (wanted) {
    return <Empty icon={<IconSearch />} title={`No API ${isMine ? 'of yours ' : ''}matches “${wanted}”`} action={<Button variant="default" onClick={onAll}>Show all</Button>}>The search looks at names and base paths.</Empty>;
  }
  if (isMine) {
    return <Empty icon={<IconApi />} title="No API is yours" action={add}>Those that you make are, and those for which the operator names you under <code>admin.owners</code>. All shows the others.</Empty>;
  }
  return <Empty icon={<IconApi />} title="No APIs yet" action={add}>An API is a file: where its backend is, which operations it has, who may call them. Drop an OpenAPI document to get one.</Empty>;
}

interface RowsProps { items: ApiSummary[]; hasMore: boolean; isFetching: boolean; more: () => void }

function Rows({ items, hasMore, isFetching, more }: RowsProps) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const rows = useWindowVirtualizer({ count: items.length, estimateSize: () => 74, overscan: 4, scrollMargin: top, useFlushSync: false });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isFetching && last >= items.length - 20) more();
  }, [hasMore, isFetching, last, items.length, more]);
  return (
    <ul ref={list} className={css.list} style={{ height: rows.getTotalSize() }}>
      {shown.map((row) => {
        const api = items[row.index];
        return api && (
          <li key={row.key} ref={rows.measureElement} data-index={row.index} className={css.item} style={{ transform: `translateY(${row.start - top}px)` }}>
            <ApiRow api={api} />
          </li>
        );
      })}
    </ul>
  );
}

export const BACKEND_JWT = {
  gateway: 'Backend JWT from the gateway',
  api: 'Backend JWT at API level',
  operations: 'Backend JWT on operations',
  none: 'No Backend JWT',
} as const;

const ApiRow = memo(function ApiRow({ api }: { api: ApiSummary }) {
  return (
    <Link to={`/apis/${encodeURIComponent(api.id)}`} className={css.row}>
      <span className={css.seal} aria-hidden="true">{api.name.slice(0, 2)}</span>
      <span className={css.name}><strong className="break">{api.name}</strong> <span className="soft">{api.version}</span><span className={`mono soft break ${css.path}`}>{api.context || api.basePath}</span></span>
      <span className={css.chips}>
        {api.state === 'broken' && <Chip tone="bad" dot>Broken: answers 503</Chip>}
        <Chip tone={api.backendJwt === 'none' ? 'warn' : 'good'}>{BACKEND_JWT[api.backendJwt]}</Chip>
        <Chip>{plural(api.operations, 'operation')}</Chip>
      </span>
    </Link>
  );
});
