/** Which attributes are sent: all that the dialect maps, or those ticked here. Fed by dialect and user stores. */
import { Checkbox, Input, SegmentedControl, TagsInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { dialects, stores } from '../../api/queries';
import type { Dialect } from '../../api/types';
import { Chip } from '../../parts/Chip';
import type { InputProps } from './Field';

type Entry = string | { attribute: string; keep?: string[] };

export function ClaimsPicker({ value, fallback, parameters, common, onChange }: InputProps) {
  const dialectList = useQuery(dialects).data?.items ?? [];
  const storeList = useQuery(stores).data?.items ?? [];
  const dialect = dialectOf(dialectList, parameters.dialect);
  const inStores = [...new Set(storeList.flatMap(({ attributes }) => attributes))];
  const current = value ?? fallback;
  const entries = Array.isArray(current) ? (current as Entry[]) : null;
  const mapped = dialect?.claims ?? [];
  const names = [...new Set([...mapped.map(({ attribute }) => attribute), ...inStores, ...(entries ?? []).map(nameOf)])].sort();

  const toggle = (name: string, isOn: boolean) => {
    const others = (entries ?? []).filter((entry) => nameOf(entry) !== name);
    onChange(isOn ? [...others, name] : others);
  };
  const keep = (name: string, patterns: string[]) =>
    onChange((entries ?? []).map((entry) => (nameOf(entry) !== name ? entry : patterns.length > 0 ? { attribute: name, keep: patterns } : name)));

  return (
    <Input.Wrapper {...common} labelElement="div" description={<>An allow-list: what is not in it never leaves. {value !== undefined && <>The file says which.</>}</>}>
      <SegmentedControl
        mt={6} fullWidth value={entries ? 'some' : 'all'} aria-label={common.label}
        onChange={(mode) => onChange(mode === 'all' ? (fallback === 'all' ? undefined : 'all') : (entries ?? mapped.map(({ attribute }) => attribute).filter((name) => inStores.includes(name))))}
        data={[{ value: 'all', label: 'All that the dialect maps' }, { value: 'some', label: 'Only these' }]}
      />
      {entries && (
        <div role="group" aria-label={common.label} style={{ display: 'grid', gap: '0.6rem', marginTop: '0.8rem' }}>
          {names.map((name) => {
            const entry = entries.find((entry) => nameOf(entry) === name);
            const claim = mapped.find(({ attribute }) => attribute === name);
            return (
              <div key={name}>
                <Checkbox
                  checked={entry !== undefined} onChange={(event) => toggle(name, event.currentTarget.checked)}
                  label={<>{name} {claim ? <span className="soft">as {claim.claim}</span> : <Chip tone="warn">not in the dialect, so not sent</Chip>} {inStores.length > 0 && !inStores.includes(name) && <Chip>no store gives it</Chip>}</>}
                />
                {entry !== undefined && (claim?.multi || typeof entry !== 'string') && (
                  <TagsInput ml={30} mt={4} size="xs" aria-label={`Values of ${name} to keep`} placeholder="All its values. Or patterns, such as orders-*" value={typeof entry === 'string' ? [] : (entry.keep ?? [])} onChange={(patterns) => keep(name, patterns)} />
                )}
              </div>
            );
          })}
        </div>
      )}
    </Input.Wrapper>
  );
}

function nameOf(entry: Entry): string {
  return typeof entry === 'string' ? entry : entry.attribute;
}

function dialectOf(dialects: Dialect[], wanted: unknown): Dialect | undefined {
  return dialects.find(({ name, uri, isDefault }) => (wanted === undefined ? isDefault : name === wanted || uri === wanted));
}
