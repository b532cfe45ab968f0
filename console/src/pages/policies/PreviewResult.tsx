/** One explanation: who the caller is, and each token with its claims, what is not in it, and how to verify it. */
import { Progress, Tabs } from '@mantine/core';
import { useState } from 'react';
import type { Omission, Preview, PreviewClaim, PreviewJwt, Refusal } from '../../api/types';
import { clockText, countText, durationText } from '../../model/format';
import { decoded, partsOf } from '../../model/jwt';
import { isMasked, maskText } from '../../model/masks';
import { CodeBlock, CopyIcon } from '../../parts/Copied';
import { Card } from '../../parts/Page';
import { Chip } from '../../parts/Chip';
import { Ticked } from '../../parts/Ticked';
import { Snippets } from './Snippets';
import css from './policies.module.css';
import parts from '../../parts/parts.module.css';

export function PreviewResult({ preview }: { preview: Preview }) {
  return (
    <div style={{ display: 'grid', gap: '1rem' }}>
      {preview.refused && <Refused refusal={preview.refused} />}
      {!preview.refused && preview.jwts.length === 0 && (
        <Card>No Backend JWT applies to {preview.operation}: the backend does not learn who is calling.</Card>
      )}
      {preview.jwts.map((jwt) => <Token key={jwt.header} jwt={jwt} preview={preview} />)}
    </div>
  );
}

function Refused({ refusal: { status, code, detail } }: { refusal: Refusal }) {
  return (
    <div className={`${parts.problem} ${parts.warning}`} role="status">
      <strong>This call would be refused: {status} {code}</strong>
      {detail && <div><Ticked text={detail} /></div>}
      <div className="soft">The backend is not called.</div>
    </div>
  );
}

function Token({ jwt, preview }: { jwt: PreviewJwt; preview: Preview }) {
  if (jwt.refused) return <Refused refusal={jwt.refused} />;
  if (jwt.notSent !== undefined) return <Card title={jwt.header}>Not sent: {jwt.notSent}</Card>;
  const value = typeof jwt.value === 'string' ? jwt.value : null;
  return (
    <Card title={<span className="mono">{jwt.header}</span>}>
      {value ? <Compact value={value} header={jwt.header} /> : <p className="soft">The signed text is masked: you may not see this user’s data. Lengths and counts are below.</p>}
      <Size jwt={jwt} />
      <p className="soft" style={{ margin: '0.5rem 0 0.75rem' }}>
        Signed with {jwt.algorithm}{jwt.expiresAt ? `, good for ${durationText(jwt.expiresAt - preview.at)}, until ${clockText(jwt.expiresAt)}` : ''}.
        {' '}Policy: <span className="mono">{jwt.policy}</span>
      </p>
      <Details jwt={jwt} value={value} />
    </Card>
  );
}

/** The token in its three colours; the words beside say what a colour alone cannot. */
function Compact({ value, header }: { value: string; header: string }) {
  const token = partsOf(value.replace(/^\S+ /, ''));
  const scheme = /^(\S+) /.exec(value)?.[1];
  if (!token) return <p className={css.token}>{value}</p>;
  return (
    <>
      <div style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center' }}>
        <span className="soft" style={{ fontSize: '0.82rem' }}>header <span aria-hidden="true">·</span> claims <span aria-hidden="true">·</span> signature</span>
        <CopyIcon value={value} label="Copy the token" />
      </div>
      {/* A scrolling region must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <p className={css.token} tabIndex={0} role="region" aria-label={`Value of ${header}`} data-testid="token">
        {scheme && `${scheme} `}<span className={css.head}>{token.header}</span>.<span className={css.claims}>{token.claims}</span>.<span className={css.signature}>{token.signature}</span>
      </p>
    </>
  );
}

function Size({ jwt }: { jwt: PreviewJwt }) {
  const limit = jwt.limitBytes ?? jwt.maxHeaderBytes;
  const size = jwt.headerBytes ?? 0;
  const share = limit > 0 ? (size / limit) * 100 : 0;
  return (
    <div style={{ marginTop: '0.75rem' }}>
      <Progress value={Math.min(share, 100)} color={share > 90 ? 'red.8' : share > 70 ? 'orange.8' : 'banknote'} size="sm" aria-label="Size against the limit" />
      <div style={{ marginTop: '0.25rem' }}>{countText(size)} of {countText(limit)} bytes <span className="soft">for the whole header line</span></div>
    </div>
  );
}

function Details({ jwt, value }: { jwt: PreviewJwt; value: string | null }) {
  const [tab, setTab] = useState<string | null>('claims');
  const claims = jwt.claims ?? [];
  const omitted = jwt.notInToken ?? [];
  const problems = jwt.problems ?? [];
  const token = value ? partsOf(value.replace(/^\S+ /, '')) : null;
  const head = token ? decoded(token.header) : null;
  return (
    <Tabs value={tab} onChange={setTab} keepMounted={false}>
      <Tabs.List>
        <Tabs.Tab value="claims">Claims {claims.length}</Tabs.Tab>
        <Tabs.Tab value="omitted">Not sent {omitted.length}</Tabs.Tab>
        <Tabs.Tab value="header">Header</Tabs.Tab>
        <Tabs.Tab value="verify">Verify</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="claims" pt="xs">
        {problems.map(({ claim, problem }) => <p key={claim} className={css.conflict}><span className="mono">{claim}</span>: {problem}</p>)}
        <ul className={css.claimList} style={{ listStyle: 'none', padding: 0 }}>{claims.map((claim) => <Claim key={claim.name} claim={claim} />)}</ul>
      </Tabs.Panel>
      <Tabs.Panel value="omitted" pt="sm">
        {omitted.length === 0 ? <p className="soft">Everything that is known of this user is sent.</p> : <Omitted omitted={omitted} />}
      </Tabs.Panel>
      <Tabs.Panel value="header" pt="sm">
        {head ? <CodeBlock code={JSON.stringify(head, null, 2)} label="header" /> : <p className="soft">Algorithm {jwt.algorithm}, key {jwt.kid ?? 'without a name'}.</p>}
      </Tabs.Panel>
      <Tabs.Panel value="verify" pt="sm"><Snippets jwt={jwt} /></Tabs.Panel>
    </Tabs>
  );
}

const TIMES = new Set(['exp', 'iat', 'nbf']);

function Claim({ claim }: { claim: PreviewClaim }) {
  const short = claim.name.replace(/^https?:\/\/\S+\//, '');
  return (
    <li className={css.claim}>
      <span className={css.claimName} title={claim.name}>{short !== claim.name && <span className="soft">{claim.name.slice(0, -short.length)}</span>}{short}</span>
      <span className={css.claimValue}>
        {isMasked(claim.value) ? <Chip>{maskText(claim.value)}</Chip> : JSON.stringify(claim.value)}
        {TIMES.has(claim.name) && typeof claim.value === 'number' && <span className="soft"> {clockText(claim.value)}</span>}
      </span>
      <span className={css.claimSource}>
        {sourceText(claim.source)}{claim.age !== null && claim.age !== undefined ? `, ${claim.age === 0 ? 'just read' : `${durationText(claim.age)} old`}` : ''}. <Ticked text={claim.rule} />
      </span>
    </li>
  );
}

function sourceText(source: string): string {
  return source.charAt(0).toUpperCase() + source.slice(1);
}

const REASONS: Record<string, string> = {
  not_in_store: 'the user store has no value for this user',
  not_readable: 'the user store does not let the gateway read it',
  not_mapped: 'the dialect has no claim for it',
  not_allowed: 'left out by “Attributes to send”, or sensitive and not allowed by the operator',
  filtered: 'no value matches the patterns to keep',
  overridden: 'a stronger source has that claim',
  excluded: 'not among the token’s claims that are passed on',
  dropped_for_size: 'dropped, because the header would be too large',
  stale_refused: 'the last answer is older than the store allows',
  user_not_found: 'the user store has no such user',
};

function Omitted({ omitted }: { omitted: Omission[] }) {
  return (
    <ul style={{ margin: 0, paddingLeft: '1.1rem', display: 'grid', gap: '0.35rem' }}>
      {omitted.map(({ kind, name, reason }) => (
        <li key={`${kind} ${name}`}><span className="mono break">{name}</span>{kind === 'claim' ? ' of the token' : ''}: <span className="soft">{REASONS[reason] ?? reason}</span></li>
      ))}
    </ul>
  );
}
