/**
 * Configures one policy: its form at the left, what it does to a real caller at the right.
 *
 * Nothing is written before Save has shown the file's diff.
 */
import { Button, Checkbox, Drawer, SegmentedControl } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { dryRun } from '../../api/changes';
import { Problem, type Tagged } from '../../api/client';
import type { Api, Diagnostic, Policies, Policy, PolicyType } from '../../api/types';
import { diffOf } from '../../model/diff';
import { plural } from '../../model/format';
import { isBackendJwt, isEqual, listAt, type Spot } from '../../model/policies';
import { sorted } from '../../model/pointer';
import { DiagnosticsBox } from '../../parts/ProblemBox';
import { TheirChange } from '../../parts/TheirChange';
import { applied, toAll, type Edit } from './edit';
import { PolicyForm } from './PolicyForm';
import { PreviewPanel } from './PreviewPanel';
import { ReviewChange } from './ReviewChange';
import { missingOf } from './required';
import css from './policies.module.css';

/** What is open: a policy of the file, or a new one (`before` is null). */
export interface Open { type: PolicyType; spot: Spot; before: Policy | null; policy: Policy }

interface DrawerProps {
  api: Api;
  base: Tagged<Policies>;
  saved: Policies;
  keys: string[];
  open: Open;
  onClose: () => void;
}

export function PolicyDrawer({ api, base, saved, keys, open, onClose }: DrawerProps) {
  const { type, spot, before } = open;
  const [policy, setPolicy] = useState(open.policy);
  const [isForAll, setForAll] = useState(false);
  const [isReviewing, setReviewing] = useState(false);
  const [missing, setMissing] = useState<Diagnostic[]>([]);
  const [refused, setRefused] = useState<{ policy: Policy; diagnostics: Diagnostic[] } | null>(null);
  const [drawn, setDrawn] = useState<Diagnostic[]>([]);
  const [shown, setShown] = useState('form');
  const [began] = useState(api.document);
  const theirs = useMemo(() => diffOf(began, api.document), [began, api.document]);
  const form = useRef<HTMLFormElement>(null);
  // Counts the attempts to save that failed: after each, once its errors are drawn, the first wrong field has the focus.
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (attempt > 0) showFirst(form.current);
  }, [attempt]);

  const edit = useMemo<Edit>(() => {
    const own: Edit = before ? { kind: 'replace', spot, before, policy } : { kind: 'insert', spot, policy };
    return isForAll ? { kind: 'applyToAll', keys, flow: spot.flow, policy, instead: own, defaults: type.defaults } : own;
  }, [before, spot, policy, isForAll, keys, type.defaults]);
  const draft = useMemo(() => applied(saved, edit), [saved, edit]);
  const [settled] = useDebouncedValue(draft, 350);

  const fieldNames = useMemo(() => type.fields.map((field) => field.name), [type]);
  const now = refused?.policy === policy ? refused.diagnostics : drawn;
  const { fields: errors, others } = sorted([...missing, ...now].filter(onlyErrors), spot, fieldNames);
  const isChanged = before === null || isForAll || !isEqual(policy, before);

  const change = (next: Policy) => {
    setPolicy(next);
    setMissing([]);
  };
  const save = () => {
    const absent = missingOf(policy, type, spot);
    setMissing(absent);
    if (absent.length > 0) return setAttempt((before) => before + 1);
    check.mutate();
  };
  // Mistakes are shown before the diff is: at their fields, not in a dialog above them.
  const client = useQueryClient();
  const check = useMutation({
    mutationFn: async () => draft && client.fetchQuery(dryRun(api.id, { kind: 'policies', set: draft }, base.etag)),
    onSuccess: (dry) => setReviewing(dry !== null),
    onError: (problem) => {
      if (!(problem instanceof Problem) || problem.status !== 422) return setReviewing(true);
      setRefused({ policy, diagnostics: problem.diagnostics });
      setAttempt((before) => before + 1);
    },
  });

  return (
    <Drawer.Root lockScroll={false} opened onClose={onClose} position="right" size="min(1180px, 100vw)" closeOnEscape={!isReviewing}>
      <Drawer.Overlay />
      <Drawer.Content aria-label={`Configure ${type.title}: ${type.version}`} styles={{ content: { display: 'flex', flexDirection: 'column', overflow: 'hidden' } }}>
        <div className={css.drawerHead}>
          <Drawer.Title fw={650} fz="lg">Configure {type.title}: {type.version}</Drawer.Title>
          <Drawer.CloseButton aria-label="Close" />
        </div>
        {isBackendJwt(policy) && (
          <div className={css.narrowTabs}>
            <SegmentedControl fullWidth value={shown} onChange={setShown} data={[{ value: 'form', label: 'Settings' }, { value: 'preview', label: 'Preview' }]} />
          </div>
        )}
        <Drawer.Body p={0} flex={1} mih={0}>
          <div className={css.drawerBody} data-shown={shown} style={isBackendJwt(policy) ? undefined : { gridTemplateColumns: 'minmax(0, 1fr)' }}>
            <form ref={form} className={css.form} noValidate onSubmit={(event) => { event.preventDefault(); save(); }}>
              <div className="soft">{type.about} <strong>{placeText(spot)}</strong></div>
              <DiagnosticsBox diagnostics={others} title="The gateway would refuse this" />
              {!isReviewing && <TheirChange diff={theirs} />}
              {draft === null && <DiagnosticsBox diagnostics={GONE} title="Somebody else has changed or removed this policy" />}
              <PolicyForm type={type} policy={policy} errors={errors} onChange={change} />
              <Everywhere edit={edit} saved={saved} spot={spot} keys={keys} isForAll={isForAll} onForAll={setForAll} type={type} />
              <button type="submit" hidden aria-hidden="true" tabIndex={-1} />
            </form>
            {isBackendJwt(policy) && (
              <aside className={css.preview} aria-label="Preview">
                <PreviewPanel api={api} draft={settled} isSettled={settled === draft} keys={keys} spot={spot} isForAll={isForAll} onMistakes={setDrawn} />
              </aside>
            )}
          </div>
        </Drawer.Body>
        <div className={css.drawerFoot}>
          <Button variant="subtle" color="gray" disabled={isEqual(policy, open.policy) && !isForAll} onClick={() => { change(open.policy); setForAll(false); }}>
            Reset
          </Button>
          <Button className={css.push} variant="default" onClick={onClose}>Cancel</Button>
          <Button onClick={save} disabled={!isChanged || draft === null} loading={check.isPending}>Save</Button>
        </div>
      </Drawer.Content>
      <ReviewChange
        id={api.id} file={api.file} etag={base.etag} title="Review the change"
        change={isReviewing && draft ? { kind: 'policies', set: draft } : null} theirs={theirs}
        onSaved={onClose} onClose={() => setReviewing(false)}
      />
    </Drawer.Root>
  );
}

const GONE: Diagnostic[] = [{ severity: 'warning', code: 'stale', message: 'Close this form to see what it is now. Your settings are here until then.' }];

function onlyErrors({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

function placeText(spot: Spot): string {
  const flow = `${spot.flow} flow`;
  return spot.level === 'api' ? `Here: the whole API, ${flow}.` : `Here: ${spot.key}, ${flow}.`;
}

/** Brings the first wrong field into view. */
function showFirst(form: HTMLFormElement | null): void {
  const field = form?.querySelector<HTMLElement>('[aria-invalid="true"]');
  field?.closest('details')?.setAttribute('open', '');
  field?.focus();
}

interface EverywhereProps {
  edit: Edit;
  saved: Policies;
  spot: Spot;
  keys: string[];
  type: PolicyType;
  isForAll: boolean;
  onForAll: (isForAll: boolean) => void;
}

const MOST = 8;

/** *Apply to all resources*, with what it replaces; at API level there is nothing to apply. */
function Everywhere({ edit, saved, spot, keys, type, isForAll, onForAll }: EverywhereProps) {
  if (spot.level === 'api') {
    const own = keys.filter((key) => listAt(saved, { level: 'operation', key, flow: spot.flow }).some((policy) => policy.policyName === type.name));
    return (
      <p className="soft">
        It covers all {plural(keys.length, 'operation')}, and those that are added later.
        {own.length > 0 && ` ${plural(own.length, 'operation has', 'operations have')} ${type.title} of their own, which wins where the header is the same.`}
      </p>
    );
  }
  const plan = edit.kind === 'applyToAll' ? toAll(saved, edit) : null;
  return (
    <div>
      <Checkbox checked={isForAll} onChange={(event) => onForAll(event.currentTarget.checked)} label="Apply to all resources" description={`Puts a copy on each of the ${plural(keys.length, 'operation')} of this API.`} />
      {plan && (
        <div role="status" className="soft" style={{ margin: '0.6rem 0 0 1.9rem' }}>
          {plan.adds.length > 0 && <p>Added to {plural(plan.adds.length, 'operation')}: {few(plan.adds)}.</p>}
          {plan.replaces.length > 0
            ? <p><strong>Replaces</strong> the {type.title} of {plural(plan.replaces.length, 'operation')}: {few(plan.replaces.map(({ key }) => key))}.</p>
            : <p>Replaces no policy.</p>}
          <p>Operations that are added later do not get it. To cover those too, attach it at API level.</p>
        </div>
      )}
    </div>
  );
}

function few(keys: string[]): string {
  const rest = keys.length - MOST;
  return keys.slice(0, MOST).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
