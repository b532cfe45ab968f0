/**
 * The policies of one API: what is attached where, and what each backend receives in the end.
 *
 * Holds the one edit that is under way; every edit ends in ReviewChange, which writes the file.
 */
import { DndContext, DragOverlay, type DragEndEvent, type DragStartEvent } from '@dnd-kit/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { Suspense, lazy, useCallback, useEffect, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useIsOnTheWay } from '../../api/changes';
import type { Tagged } from '../../api/client';
import { operations, policies, policyTypes, useRights } from '../../api/queries';
import type { Api, Operation, Policies, Policy, PolicyType } from '../../api/types';
import { diffOf } from '../../model/diff';
import { isBackendJwt, listAt, refusalOf, typeOf, type Level, type Spot } from '../../model/policies';
import { Loaded } from '../../parts/Page';
import { useHeld } from '../../parts/useHeld';
import { ActionsContext, type PolicyActions } from './actions';
import { ApiLevel } from './ApiLevel';
import { announcements, collisions, screenReaderInstructions, usePolicySensors } from './dragging';
import { applied, type Edit } from './edit';
import { LevelTabs } from './LevelTabs';
import { OperationLevel } from './OperationLevel';
import { Palette } from './Palette';
import type { Open } from './PolicyDrawer';
import { ReviewChange } from './ReviewChange';
import css from './policies.module.css';

// The form with its preview is as large as the board: the board does not wait for it, and who opens it seldom does.
const loadDrawer = () => import('./PolicyDrawer');
const PolicyDrawer = lazy(async () => ({ default: (await loadDrawer()).PolicyDrawer }));

export function PoliciesTab({ api }: { api: Api }) {
  const set = useQuery(policies(api.id));
  const list = useQuery(operations(api.id));
  const types = useQuery(policyTypes);
  return (
    <Loaded query={types} lines={6}>
      {(types) => <Loaded query={list} lines={6}>
        {(list) => <Loaded query={set} lines={6}>
          {(set) => <Board api={api} base={set} operations={list} types={types} />}
        </Loaded>}
      </Loaded>}
    </Loaded>
  );
}

interface BoardProps { api: Api; base: Tagged<Policies>; operations: Operation[]; types: PolicyType[] }

function Board({ api: newestApi, base: newestBase, operations, types }: BoardProps) {
  // File and policies change together. What a save does is seen once it is answered, lest it be taken for somebody else's.
  const newest = useMemo(() => ({ api: newestApi, base: newestBase }), [newestApi, newestBase]);
  const { api, base } = useHeld(newest, useIsOnTheWay(newestApi.id));
  const mayEdit = useRights().owns(api);
  const [search, setSearch] = useSearchParams();
  const level = search.get('level') === 'operation' ? 'operation' : 'api';
  const setLevel = useCallback((next: string) => setSearch({ level: next }, { replace: true }), [setSearch]);
  const [opened, setOpened] = useState<ReadonlySet<string>>(() => new Set(operations.length > 0 && operations[0] ? [operations[0].key] : []));
  const [drawer, setDrawer] = useState<Open | null>(null);
  const [edit, setEdit] = useState<{ title: string; edit: Edit; document: string } | null>(null);
  const [dragged, setDragged] = useState<string | null>(null);
  const sensors = usePolicySensors();
  const keys = useMemo(() => operations.map((operation) => operation.key), [operations]);
  const saved = useMemo(() => complete(base.value), [base.value]);

  const toggle = useCallback((key: string) => setOpened((before) => {
    const after = new Set(before);
    if (!after.delete(key)) after.add(key);
    return after;
  }), []);

  const place = useCallback((spot: Spot) => {
    setLevel(spot.level);
    if (spot.level === 'operation') setOpened((before) => new Set(before).add(spot.key));
  }, [setLevel]);

  const add = useCallback((type: PolicyType, spot: Spot) => {
    const refusal = refusalOf(type, spot);
    if (refusal) return notifications.show({ message: refusal, color: 'red.8' });
    place(spot);
    const index = Math.min(spot.index, listAt(saved, spot).length);
    setDrawer({ type, spot: { ...spot, index }, before: null, policy: freshPolicy(type) });
  }, [place, saved]);

  const move = useCallback((policy: Policy, from: Spot, to: Spot) => {
    const type = typeOf(policy, types);
    const refusal = type ? refusalOf(type, to) : null;
    if (refusal) return notifications.show({ message: refusal, color: 'red.8' });
    const title = `Move ${type?.title ?? policy.policyName} to ${to.level === 'api' ? 'the API level' : to.key}`;
    setEdit({ title, edit: { kind: 'move', spot: from, before: policy, to }, document: api.document });
    place(to);
  }, [types, place, api.document]);

  const actions = useMemo<PolicyActions>(() => ({
    add,
    open: (spot, policy) => {
      const type = typeOf(policy, types);
      if (type) setDrawer({ type, spot, before: policy, policy });
      else notifications.show({ message: `This gateway has no form for ${policy.policyName}. Edit it on the Definition tab.` });
    },
    remove: (spot, policy) => setEdit({ title: `Remove ${typeOf(policy, types)?.title ?? policy.policyName}`, edit: { kind: 'remove', spot, before: policy }, document: api.document }),
    moveToApi: (spot, policy) => move(policy, spot, { level: 'api', flow: spot.flow, index: Number.MAX_SAFE_INTEGER }),
  }), [add, move, types, api.document]);

  const drop = ({ active, over }: DragEndEvent) => {
    setDragged(null);
    const spot = over?.data.current?.spot as Spot | undefined;
    const data = active.data.current;
    if (!spot || !data) return;
    if (data.kind === 'type') add(data.type as PolicyType, spot);
    else if (!isSameSpot(data.spot as Spot, spot)) move(data.policy as Policy, data.spot as Spot, spot);
  };

  // Not while the board still answers its first click.
  useEffect(() => {
    const timer = setTimeout(() => void loadDrawer(), 500);
    return () => clearTimeout(timer);
  }, []);
  const change = edit && applied(saved, edit.edit);
  const isGone = edit !== null && change === null;
  useEffect(() => {
    if (!isGone) return;
    notifications.show({ message: 'Somebody else has changed or removed that policy. Look again.', color: 'red.8' });
    setEdit(null);
  }, [isGone]);
  const suggested = useMemo<Level>(() => (level === 'operation' ? suggestedOperation(opened, keys) : { level: 'api' }), [level, opened, keys]);
  return (
    <ActionsContext value={actions}>
      <DndContext
        sensors={sensors} collisionDetection={collisions} accessibility={{ announcements, screenReaderInstructions }}
        onDragStart={({ active }: DragStartEvent) => setDragged(String(active.data.current?.title ?? ''))}
        onDragCancel={() => setDragged(null)} onDragEnd={drop}
      >
        <div className={css.board} data-readonly={!mayEdit || undefined}>
          <div className={css.main}>
            <LevelTabs level={level} onChange={setLevel} operations={operations.length} />
            {level === 'api'
              ? <ApiLevel set={base.value} operations={operations} types={types} readOnly={!mayEdit} />
              : <OperationLevel operations={operations} types={types} opened={opened} readOnly={!mayEdit} onToggle={toggle} />}
          </div>
          {mayEdit && <Palette types={types} keys={keys} suggested={suggested} />}
        </div>
        <DragOverlay dropAnimation={null}>{dragged !== null && <div className={css.overlay}>{dragged}</div>}</DragOverlay>
      </DndContext>
      {drawer && (
        <Suspense fallback={null}>
          <PolicyDrawer key={drawerKey(drawer)} api={api} base={base} saved={saved} keys={keys} open={drawer} onClose={() => setDrawer(null)} />
        </Suspense>
      )}
      <ReviewChange
        id={api.id} file={api.file} title={edit?.title ?? ''} etag={base.etag}
        change={change ? { kind: 'policies', set: change } : null} theirs={edit ? diffOf(edit.document, api.document) : ''}
        onSaved={() => setEdit(null)} onClose={() => setEdit(null)}
      />
    </ActionsContext>
  );
}

/** A set in which both flows are there, even if the gateway leaves out empty ones. */
function complete({ api, operations }: Policies): Policies {
  const lists = (given: Partial<Policies['api']> | undefined) => ({ request: given?.request ?? [], response: given?.response ?? [] });
  return {
    api: lists(api),
    operations: Object.fromEntries(Object.entries(operations).map(([key, given]) => [key, lists(given)])),
    gateway: [],
  };
}

/** A policy just dropped: its basic fields are written out, so that the file says what it does. */
function freshPolicy(type: PolicyType): Policy {
  const basic = type.fields.filter((field) => field.basic && (field.default ?? type.defaults[field.name]) !== undefined);
  const parameters = Object.fromEntries(basic.map((field) => [field.name, type.defaults[field.name] ?? field.default]));
  return { policyName: type.name, ...(isBackendJwt({ policyName: type.name }) ? {} : { policyVersion: type.version }), parameters };
}

function suggestedOperation(opened: ReadonlySet<string>, keys: string[]): Level {
  const key = [...opened].at(-1) ?? keys[0];
  return key === undefined ? { level: 'api' } : { level: 'operation', key };
}

function isSameSpot(a: Spot, b: Spot): boolean {
  const isSame = a.level === b.level && a.flow === b.flow && (a.level === 'api' || (b.level === 'operation' && a.key === b.key));
  return isSame && (a.index === b.index || a.index + 1 === b.index);
}

function drawerKey({ spot, type }: Open): string {
  return `${type.name} ${spot.level === 'api' ? '' : spot.key} ${spot.flow} ${spot.index}`;
}
