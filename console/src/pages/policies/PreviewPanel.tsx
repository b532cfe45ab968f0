/**
 * What the backend would get from the draft, for a caller of your choice. Dry: nothing is saved or sent.
 *
 * Shows, decodes and explains; the gateway alone composes and signs.
 */
import { Autocomplete, Button, Select, SegmentedControl, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { Problem } from '../../api/client';
import { issuers, me, preview } from '../../api/queries';
import type { Api, Diagnostic, PolicySet, PreviewQuestion } from '../../api/types';
import type { Spot } from '../../model/policies';
import { ProblemBox } from '../../parts/ProblemBox';
import { PreviewResult } from './PreviewResult';
import { ShadowPanel } from './ShadowPanel';
import css from './policies.module.css';

interface PanelProps {
  api: Api;
  draft: PolicySet | null;
  isSettled: boolean;
  keys: string[];
  spot: Spot;
  isForAll: boolean;
  onMistakes: (diagnostics: Diagnostic[]) => void;
}

const NONE: Diagnostic[] = [];

export function PreviewPanel({ api, draft, isSettled, keys, spot, isForAll, onMistakes }: PanelProps) {
  const { data: whoAmI } = useQuery(me);
  const { data: issuerList } = useQuery(issuers);
  const [by, setBy] = useState('user');
  const [typed, setTyped] = useState<string | null>(null);
  const [token, setToken] = useState('');
  const [issuer, setIssuer] = useState<string | null>(null);
  const [operation, setOperation] = useState(spot.level === 'operation' ? spot.key : (keys[0] ?? ''));
  const user = typed ?? whoAmI?.testUsers[0] ?? '';
  const [settledUser] = useDebouncedValue(user, 400);
  const [settledToken] = useDebouncedValue(token, 400);

  const question = useMemo<PreviewQuestion | null>(() => {
    if (!draft || operation === '') return null;
    const policies = { api: draft.api, operations: draft.operations };
    const base = { api: api.id, operation, policies };
    if (by === 'token') return settledToken.trim() === '' ? null : { ...base, token: settledToken.trim() };
    return settledUser.trim() === '' ? null : { ...base, user: settledUser.trim(), ...(issuer ? { issuer } : {}) };
  }, [api.id, draft, operation, by, settledToken, settledUser, issuer]);

  const answer = useQuery({
    ...preview(question ?? { api: '', operation: '' }),
    enabled: question !== null,
    placeholderData: keepPreviousData,
  });
  const mistakes = answer.error instanceof Problem && answer.error.status === 422 && answer.error.diagnostics.length > 0 ? answer.error.diagnostics : NONE;
  useEffect(() => onMistakes(mistakes), [mistakes, onMistakes]);

  const isWaiting = !isSettled || answer.isFetching || settledUser !== user || settledToken !== token;
  const choices = issuerList?.items ?? [];
  return (
    <>
      <div>
        <h2 style={{ margin: 0, fontSize: '1.05rem' }}>What the backend would receive</h2>
        <p className="soft" style={{ margin: '0.2rem 0 0' }}>Follows the settings as you change them. Nothing is saved.</p>
      </div>
      <SegmentedControl fullWidth value={by} onChange={setBy} aria-label="Caller" data={[{ value: 'user', label: 'For a user' }, { value: 'token', label: 'For a token' }]} />
      {by === 'user' ? (
        <Autocomplete label="User" description="As the token’s issuer calls them." data={whoAmI?.testUsers ?? []} value={user} onChange={setTyped} comboboxProps={{ zIndex: 310 }} />
      ) : (
        <Textarea label="Access token" description="A JWT, or an opaque token that its issuer is asked about. This gateway does not keep it." value={token} onChange={(event) => setToken(event.currentTarget.value)} rows={3} spellCheck={false} autoComplete="off" classNames={{ input: 'mono' }} />
      )}
      {by === 'user' && choices.length > 1 && (
        <Select label="Issuer" data={[{ value: '', label: 'The API’s first' }, ...choices.map(({ name }) => ({ value: name, label: name }))]} value={issuer ?? ''} onChange={(value) => setIssuer(value || null)} comboboxProps={{ zIndex: 310 }} />
      )}
      {spot.level === 'api' && keys.length > 1 && (
        <Select label="Operation" data={keys} value={operation} onChange={(value) => value && setOperation(value)} searchable limit={50} comboboxProps={{ zIndex: 310 }} />
      )}
      {question === null && by === 'user' && user.trim() === '' && <p className="soft">Name a user to see their token.</p>}
      {mistakes.length > 0 && <p role="status" className="soft">Correct the marked fields to see the token.</p>}
      {answer.isError && mistakes.length === 0 && (
        <ProblemBox problem={answer.error} action={<Button size="xs" variant="default" onClick={() => void answer.refetch()}>Try again</Button>} />
      )}
      {answer.data && !answer.isError && question && (
        <div className={isWaiting ? css.settling : undefined} aria-busy={isWaiting}>
          <PreviewResult preview={answer.data} />
        </div>
      )}
      {question && answer.isPending && <p role="status" className="soft">Asking the gateway …</p>}
      {draft && mistakes.length === 0 && <ShadowPanel api={api.id} draft={draft} isSettled={isSettled} operation={isForAll || spot.level === 'api' ? undefined : spot.key} />}
    </>
  );
}
