/** One parameter, with the input that fits it, its help, its default, and what is wrong with it. */
import { Button, NumberInput, Select, Switch, TagsInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { dialects, stores } from '../../api/queries';
import type { Diagnostic, JsonSchema, PolicyField } from '../../api/types';
import { choicesOf } from '../../model/choices';
import { durationText } from '../../model/format';
import { Ticked } from '../../parts/Ticked';
import { ClaimsPicker } from './ClaimsPicker';
import { CustomClaims } from './CustomClaims';
import { Mappings } from './Mappings';
import { StructuredInput } from './StructuredInput';

export interface FieldProps {
  field: PolicyField;
  schema: JsonSchema | undefined;
  value: unknown;
  /** What holds where the file says nothing. */
  fallback: unknown;
  required: boolean;
  errors: Diagnostic[];
  parameters: Record<string, unknown>;
  onChange: (value: unknown) => void;
}

/** What every input gets: label, help with the default in it, errors. */
export interface InputProps extends FieldProps {
  common: { label: string; description: ReactNode; error: ReactNode; required: boolean };
}

const LISTS = new Set(['audience', 'tokenClaims', 'excludedClaims', 'dropOrder', 'userStore']);

export function Field(props: FieldProps) {
  const { field, errors, required } = props;
  const common = { label: titleOf(field), description: <Help {...props} />, error: errors.length > 0 ? <Errors errors={errors} /> : null, required };
  return <Input {...props} common={common} />;
}

function Input(props: InputProps) {
  const { field, value, fallback, common, onChange } = props;
  if (field.name === 'claims') return <ClaimsPicker {...props} />;
  if (field.name === 'customClaims') return <CustomClaims {...props} />;
  if (field.name === 'claimMappings') return <Mappings {...props} />;
  if (field.name === 'dialect') return <DialectSelect {...props} />;
  if (LISTS.has(field.name)) return <ListInput {...props} />;
  if (field.values && field.values.length > 0) return <Choice {...props} />;
  if (typeof fallback === 'boolean' || typeIn(props, 'boolean')) {
    return <Switch {...common} checked={Boolean(value ?? fallback)} onChange={(event) => onChange(event.currentTarget.checked === fallback ? undefined : event.currentTarget.checked)} />;
  }
  if (typeof fallback === 'number' || typeIn(props, 'integer') || typeIn(props, 'number')) {
    return (
      <NumberInput
        {...common} value={typeof value === 'number' || typeof value === 'string' ? value : ''} placeholder={fallback === undefined || fallback === null ? '' : String(fallback)}
        onChange={(next) => onChange(next === '' && !common.required ? undefined : next)} suffix={field.name === 'tokenTTL' ? ' s' : ''}
        allowNegative={false} allowDecimal={false} max={Number.MAX_SAFE_INTEGER} step={field.name === 'tokenTTL' ? 60 : 1}
      />
    );
  }
  if (typeIn(props, 'object') || typeIn(props, 'array')) return <StructuredInput {...props} />;
  return <TextInput {...common} value={typeof value === 'string' || typeof value === 'number' ? String(value) : ''} placeholder={textOf(fallback)} onChange={(event) => onChange(event.currentTarget.value === '' && !common.required ? undefined : event.currentTarget.value)} />;
}

function typeIn({ schema }: InputProps, type: string): boolean {
  return Array.isArray(schema?.type) ? schema.type.includes(type) : schema?.type === type;
}

function Choice({ field, value, fallback, common, onChange }: InputProps) {
  const current = value === undefined ? (common.required ? null : '') : String(value);
  const known = choicesOf((field.values ?? []).map(String), current);
  const data = common.required ? known : [{ value: '', label: `Default: ${textOf(fallback)}` }, ...known];
  return <Select {...common} data={data} value={current} onChange={(next) => onChange(next === '' || next === null ? undefined : next)} comboboxProps={{ zIndex: 310 }} />;
}

function DialectSelect({ value, fallback, common, onChange }: InputProps) {
  const { data } = useQuery(dialects);
  const names = (data?.items ?? []).map(({ name, uri }) => ({ value: name, label: uri && uri !== name ? `${name} (${uri})` : name }));
  return <Select {...common} data={[{ value: '', label: `Default: ${textOf(fallback)}` }, ...names]} value={value === undefined ? '' : String(value)} onChange={(next) => onChange(next || undefined)} comboboxProps={{ zIndex: 310 }} />;
}

/** One text or several: `orders`, or `[orders, billing]`. One is written as text. */
function ListInput({ field, value, fallback, common, onChange }: InputProps) {
  const { data } = useQuery({ ...stores, enabled: field.name === 'userStore' });
  const list = Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  const known = field.name === 'userStore' ? [...(data?.items ?? []).map(({ name }) => name), 'none'] : [];
  const change = (next: string[]) => {
    const isSingle = next.length === 1 && (field.name === 'audience' || field.name === 'userStore' || next[0] === 'all');
    onChange(next.length === 0 ? undefined : isSingle ? next[0] : next);
  };
  return <TagsInput {...common} value={list} data={known} onChange={change} placeholder={list.length === 0 ? textOf(fallback) || 'Type, then press Enter' : ''} comboboxProps={{ zIndex: 310 }} />;
}

function Help({ field, fallback, value, required, onChange }: FieldProps) {
  const isWritten = value !== undefined && !required;
  return (
    <>
      <Ticked text={HELP[field.name] ?? field.help} />
      {fallback !== undefined && fallback !== null && !isWideDefault(fallback) && <> Default: <span className="mono">{defaultText(field, fallback)}</span>.</>}
      {isBounded(field) && <> {boundsText(field)}</>}
      {isWritten && <> <Button type="button" variant="subtle" size="compact-xs" onClick={() => onChange(undefined)} aria-label={`Use the default of ${titleOf(field)}`}>Use the default</Button></>}
    </>
  );
}

function isWideDefault(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isBounded({ min, max }: PolicyField): boolean {
  return (min ?? null) !== null && (max ?? null) !== null;
}

function boundsText({ name, min, max }: PolicyField): string {
  return name === 'tokenTTL' ? `From ${min} s to ${durationText(Number(max))}.` : `From ${min} to ${max}.`;
}

function defaultText(field: PolicyField, value: unknown): string {
  return field.name === 'tokenTTL' ? `${String(value)} s` : textOf(value);
}

export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function Errors({ errors }: { errors: Diagnostic[] }) {
  return (
    <>
      {errors.map(({ message, hint }, at) => (
        <span key={at} style={{ display: 'block' }}><Ticked text={hint ? `${message} (${hint})` : message} /></span>
      ))}
    </>
  );
}

const TITLES: Record<string, string> = {
  encoding: 'Encoding', header: 'Header Name', signingAlgorithm: 'Signing Algorithm', tokenTTL: 'Token TTL', audience: 'Audience', dialect: 'Dialect',
  claims: 'Attributes to send', tokenClaims: 'Claims of the caller’s token to pass on', excludedClaims: 'Except', claimMappings: 'Claim names of your own',
  customClaims: 'Custom claims', userStore: 'User stores', userStoreMerge: 'With several stores', onAttributeFailure: 'If the user store cannot answer',
  onUnknownUser: 'If the store has no such user', anonymous: 'If nobody has logged in', maxHeaderBytes: 'Largest header', onOversize: 'If it is larger',
  dropOrder: 'Claims to drop first', tokenId: 'Token id', scheme: 'Scheme', capToInboundToken: 'Never outlive the caller’s token', enabled: 'Switched on',
};

function titleOf({ name, title }: PolicyField): string {
  return TITLES[name] ?? title;
}

/** What a field is for, in the words of somebody who fills it in. The gateway's own help stands in for the rest. */
const HELP: Record<string, string> = {
  encoding: 'How the token is written. `Base64url` is the standard, and what every JWT library reads.',
  header: 'The request header in which the backend finds the token: `X-JWT-Assertion`, another `X-…`, or `Authorization`.',
  signingAlgorithm: 'How the gateway signs. The backend must accept exactly this algorithm.',
  tokenTTL: 'How many seconds the token is good for. Short is safer: a copied token dies sooner.',
  audience: 'Who the token is meant for (`aud`). Backends refuse a token for somebody else. Without one it is the API’s name.',
  dialect: 'The vocabulary of the claims: which attribute is sent under which name.',
  tokenClaims: 'Claims that the caller’s own token already holds, such as `scope`. `all` passes on everything.',
  excludedClaims: 'Claims of the caller’s token that stay here.',
  userStore: 'Where the user is looked up. Without one, where the token’s issuer says.',
  userStoreMerge: '`firstStore`: the first that knows the user answers alone. `firstValue`, `union`: all are asked and merged.',
  onAttributeFailure: '`reject`: the call is refused. `useStale`: the last answer, if the operator allows its age. `omit`: a token without attributes, which says so.',
  onUnknownUser: '`reject`: 403. `omit`: a token without attributes.',
  anonymous: 'On operations open to all. `omit`: no token. `mint`: a token without a user; a careless backend may let it in.',
  maxHeaderBytes: 'In bytes, of the whole header line. Many servers take 8 KB for all headers together.',
  onOversize: '`reject`: the call fails, and the log says why. `drop`: whole claims are left out, in the order below.',
  dropOrder: 'Claim names, the most dispensable first.',
  tokenId: '`cached`: one token serves a user for a while. `unique`: a new id and signature for each call, which costs time.',
  scheme: 'A word before the token. `Bearer` in the header `Authorization` is what many backends read without any code.',
  capToInboundToken: 'The token ends no later than the one the caller came with.',
  enabled: 'Off on an operation: the API’s policy with this header does not apply to it.',
};
