/** One API: overview, policies, its file, its revisions. */
import { Tabs } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Suspense } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { Problem, type Tagged } from '../../api/client';
import { api as apiQuery, useRights } from '../../api/queries';
import type { Api } from '../../api/types';
import { policiesTab } from '../../lazyPages';
import { Chip } from '../../parts/Chip';
import { Empty, Loaded, useTitle } from '../../parts/Page';
import parts from '../../parts/parts.module.css';
import { DefinitionTab } from './DefinitionTab';
import { OverviewTab } from './OverviewTab';
import { RevisionsTab } from './RevisionsTab';
import css from './apis.module.css';

const PoliciesTab = policiesTab.Page;

const TABS = [['overview', 'Overview'], ['policies', 'Policies'], ['definition', 'Definition'], ['revisions', 'Revisions']] as const;

export function ApiPage() {
  const { id = '', tab = 'overview' } = useParams();
  const query = useQuery(apiQuery(id));
  const isGone = query.error instanceof Problem && query.error.status === 404 && !query.data;
  return (
    <div className={parts.page}>
      <Link to="/apis" className={css.back}><IconArrowLeft size={15} aria-hidden="true" /> APIs</Link>
      {query.isError && !query.data && <h1 tabIndex={-1}>{id}</h1>}
      {isGone
        ? <Empty icon={<IconArrowLeft />} title="There is no such API">It may have been deleted or renamed: an API’s name here is its name and version.</Empty>
        : <Loaded query={query} lines={6}>{(tagged) => <Shown tagged={tagged} tab={tab} />}</Loaded>}
    </div>
  );
}

function Shown({ tagged, tab }: { tagged: Tagged<Api>; tab: string }) {
  const api = tagged.value;
  const navigate = useNavigate();
  const { isAuthor, owns } = useRights();
  const label = TABS.find(([value]) => value === tab)?.[1] ?? 'Overview';
  useTitle(`${api.name} ${api.version}: ${label}`);
  return (
    <>
      <div className={css.head}>
        <h1 tabIndex={-1}>{api.name} <span className="soft">{api.version}</span></h1>
        {api.state === 'live' ? <Chip tone="good" dot>Live</Chip> : <Chip tone="bad" dot>Broken: answers 503</Chip>}
        <span className="mono soft break">{api.context || api.basePath}</span>
      </div>
      {isAuthor && !owns(api) && <p className={css.theirs} role="status">This API is not yours to change: you may look. {api.owners.length > 0 ? `Ask ${api.owners.join(', ')}, or an operator.` : 'Operators can change it, and say under admin.owners who else may.'}</p>}
      <Tabs value={tab} onChange={(value) => void navigate(`/apis/${encodeURIComponent(api.id)}${value === 'overview' ? '' : `/${value}`}`)} keepMounted={false}>
        <Tabs.List mb="lg">{TABS.map(([value, title]) => <Tabs.Tab key={value} value={value}>{title}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="overview"><OverviewTab api={api} etag={tagged.etag} /></Tabs.Panel>
        <Tabs.Panel value="policies"><Suspense fallback={<p role="status" className="soft">Loading …</p>}><PoliciesTab api={api} /></Suspense></Tabs.Panel>
        <Tabs.Panel value="definition"><DefinitionTab api={api} etag={tagged.etag} /></Tabs.Panel>
        <Tabs.Panel value="revisions"><RevisionsTab api={api} etag={tagged.etag} /></Tabs.Panel>
      </Tabs>
    </>
  );
}
