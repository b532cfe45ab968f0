/** Theme, data and the map of pages; asks who is there before it shows any. */
import { Button, Group, Loader, MantineProvider, Modal } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider, useQuery, type QueryClient } from '@tanstack/react-query';
import { IconLock } from '@tabler/icons-react';
import { Suspense, lazy, type ReactNode } from 'react';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { Problem, rememberCsrfToken } from './api/client';
import { useFollowRevisions } from './api/followRevisions';
import { me } from './api/queries';
import { isLoggedOut } from './api/queryClient';
import { apiPage } from './lazyPages';
import { ApisPage } from './pages/apis/ApisPage';
import { Empty } from './parts/Page';
import { ProblemBox } from './parts/ProblemBox';
import parts from './parts/parts.module.css';
import { Shell } from './shell/Shell';
import { theme } from './theme';

// Each page is fetched when it is opened: the list of APIs does not wait for drag and drop.
const ApiPage = apiPage.Page;
const NewApiPage = lazy(async () => ({ default: (await import('./pages/apis/NewApiPage')).NewApiPage }));
const ApplicationsPage = lazy(async () => ({ default: (await import('./pages/applications/ApplicationsPage')).ApplicationsPage }));
const DisclosuresPage = lazy(async () => ({ default: (await import('./pages/DisclosuresPage')).DisclosuresPage }));
const HistoryPage = lazy(async () => ({ default: (await import('./pages/HistoryPage')).HistoryPage }));
const KeysPage = lazy(async () => ({ default: (await import('./pages/KeysPage')).KeysPage }));
const RequestsPage = lazy(async () => ({ default: (await import('./pages/RequestsPage')).RequestsPage }));
const TrafficPage = lazy(async () => ({ default: (await import('./pages/TrafficPage')).TrafficPage }));
const UsersPage = lazy(async () => ({ default: (await import('./pages/UsersPage')).UsersPage }));

export function App({ client }: { client: QueryClient }) {
  return (
    <QueryClientProvider client={client}>
      <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
        <Notifications position="bottom-right" zIndex={400} />
        <BrowserRouter>
          <Entrance><Pages /></Entrance>
        </BrowserRouter>
      </MantineProvider>
    </QueryClientProvider>
  );
}

/** Lets in who is logged in; the others learn how. */
function Entrance({ children }: { children: ReactNode }) {
  const query = useQuery(me);
  const { pathname, search } = useLocation();
  if (query.data) {
    rememberCsrfToken(query.data.csrfToken);
    return query.data.roles.length > 0
      ? <Follow>{children}{isLoggedOut(query.error) && <SessionOver onRetry={() => void query.refetch()} />}</Follow>
      : <Alone title="You have no role here">You are logged in as {query.data.name}. Ask the operator to put you into the role viewer, author or operator.</Alone>;
  }
  if (isLoggedOut(query.error)) {
    const refused = new URLSearchParams(search).get('refused');
    const back = encodeURIComponent(refused ? '/' : pathname + search);
    const logIn = (text: string) => <Button component="a" href={`/api/v1/login?returnTo=${back}`}>{text}</Button>;
    if (refused === 'forbidden') return <Alone title="You have no role here" action={logIn('Log in as somebody else')}>Your organisation knows you, this gateway has nothing for you to do. Ask the operator to put you into the role viewer, author or operator.</Alone>;
    if (refused) return <Alone title="You are not logged in" action={logIn('Begin again')}>The login took too long, was begun in another window, or your organisation refused it.</Alone>;
    return <Alone title="Log in to Countersign" action={logIn('Log in')}>Your organisation’s login page opens, and brings you back here.</Alone>;
  }
  if (query.error instanceof Problem && query.error.status === 403) {
    return <Alone title="You have no role here">{query.error.message} Ask the operator to put you into the role viewer, author or operator.</Alone>;
  }
  if (query.isError) {
    return <main className={parts.page}><h1>Countersign</h1><ProblemBox problem={query.error} action={<Button size="xs" variant="default" onClick={() => void query.refetch()}>Try again</Button>} /></main>;
  }
  return <main className={parts.empty} style={{ minHeight: '60dvh', alignContent: 'center' }} aria-busy="true"><Loader aria-label="Loading" /></main>;
}

/** Over a page whose session has ended: what was begun there is not lost. */
function SessionOver({ onRetry }: { onRetry: () => void }) {
  return (
    <Modal opened onClose={onRetry} zIndex={500} withCloseButton={false} closeOnClickOutside={false} title="Your session has ended">
      <p style={{ marginTop: 0 }}>Log in again in a new window, then come back: what you have begun here is still there.</p>
      <Group justify="flex-end">
        <Button variant="default" onClick={onRetry}>I have logged in</Button>
        <Button component="a" href="/api/v1/login?returnTo=/" target="_blank" rel="noopener">Log in</Button>
      </Group>
    </Modal>
  );
}

function Alone({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return <main style={{ minHeight: '80dvh', display: 'grid', alignContent: 'center' }}><h1 className="visually-hidden">Countersign</h1><Empty icon={<IconLock />} title={title} action={action}>{children}</Empty></main>;
}

function Follow({ children }: { children: ReactNode }) {
  useFollowRevisions();
  return children;
}

function Pages() {
  return (
    <Shell>
      <Suspense fallback={<p role="status" className={parts.page}>Loading …</p>}>
        <Routes>
          <Route path="/" element={<Navigate to="/apis" replace />} />
          <Route path="/apis" element={<ApisPage />} />
          <Route path="/apis/new" element={<NewApiPage />} />
          <Route path="/apis/:id/:tab?" element={<ApiPage />} />
          <Route path="/users" element={<UsersPage />} />
          <Route path="/keys" element={<KeysPage />} />
          <Route path="/applications" element={<ApplicationsPage />} />
          <Route path="/traffic" element={<TrafficPage />} />
          <Route path="/requests" element={<RequestsPage />} />
          <Route path="/disclosures" element={<DisclosuresPage />} />
          <Route path="/history" element={<HistoryPage />} />
          <Route path="*" element={<Empty icon={<IconLock />} title="There is no such page">The navigation has all pages.</Empty>} />
        </Routes>
      </Suspense>
    </Shell>
  );
}
