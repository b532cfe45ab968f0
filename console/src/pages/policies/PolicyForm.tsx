/** The fields of a policy: the basic ones first, the others in groups that open. */
import { useQuery } from '@tanstack/react-query';
import { dialects, stores } from '../../api/queries';
import type { Diagnostic, Policy, PolicyField, PolicyType } from '../../api/types';
import { isBackendJwt } from '../../model/policies';
import { Field, type FieldProps } from './Field';
import { isRequired } from './required';
import css from './policies.module.css';

export interface FormProps {
  type: PolicyType;
  policy: Policy;
  errors: Record<string, Diagnostic[]>;
  onChange: (policy: Policy) => void;
}

/** Where the fields of Backend JWT stand; what a newer gateway knows besides comes last. */
const GROUPS: { title: string; names: string[] }[] = [
  { title: 'Audience and form', names: ['audience', 'scheme', 'tokenId', 'capToInboundToken'] },
  { title: 'Claims', names: ['dialect', 'claims', 'claimMappings', 'customClaims', 'tokenClaims', 'excludedClaims'] },
  { title: 'User store', names: ['userStore', 'userStoreMerge'] },
  { title: 'When something fails', names: ['onAttributeFailure', 'onUnknownUser', 'anonymous', 'maxHeaderBytes', 'onOversize', 'dropOrder'] },
];

export function PolicyForm({ type, policy, errors, onChange }: FormProps) {
  const parameters = policy.parameters ?? {};
  const basic = type.fields.filter((field) => field.basic);
  const advanced = type.fields.filter((field) => !field.basic);
  const propsOf = (field: PolicyField): FieldProps => ({
    field,
    schema: type.schema.properties?.[field.name],
    value: shown(parameters, field, type),
    fallback: type.defaults[field.name] ?? field.default,
    required: isRequired(field.name, type),
    errors: errors[field.name] ?? [],
    parameters,
    onChange: (value) => onChange({ ...policy, parameters: withMember(parameters, field.name, value) }),
  });
  return (
    <>
      {basic.map((field) => <Field key={field.name} {...propsOf(field)} />)}
      {isBackendJwt(policy)
        ? <JwtGroups advanced={advanced} propsOf={propsOf} />
        : <Group title="More" fields={advanced} propsOf={propsOf} />}
    </>
  );
}

/** A required field that the file leaves out shows what holds: its default. */
function shown(parameters: Record<string, unknown>, field: PolicyField, type: PolicyType): unknown {
  if (field.name in parameters || !isRequired(field.name, type)) return parameters[field.name];
  return type.defaults[field.name] ?? field.default;
}

interface GroupsProps { advanced: PolicyField[]; propsOf: (field: PolicyField) => FieldProps }

function JwtGroups({ advanced, propsOf }: GroupsProps) {
  // Read once here, so that the pickers inside find them in the cache.
  useQuery(dialects);
  useQuery(stores);
  const named = new Set(GROUPS.flatMap(({ names }) => names));
  const rest = advanced.filter(({ name }) => !named.has(name));
  return (
    <>
      {GROUPS.map(({ title, names }) => (
        <Group key={title} title={title} fields={names.flatMap((name) => advanced.find((field) => field.name === name) ?? [])} propsOf={propsOf} />
      ))}
      <Group title="Other" fields={rest} propsOf={propsOf} />
    </>
  );
}

function Group({ title, fields, propsOf }: { title: string; fields: PolicyField[]; propsOf: GroupsProps['propsOf'] }) {
  if (fields.length === 0) return null;
  const all = fields.map(propsOf);
  const written = all.filter(({ value }) => value !== undefined).length;
  const hasErrors = all.some(({ errors }) => errors.length > 0);
  return (
    <details className={css.group} open={hasErrors || undefined}>
      <summary>
        <span>{title}</span>
        <span className="soft">{written > 0 ? `${written} set` : 'defaults'}</span>
      </summary>
      <div className={css.groupBody}>
        {all.map((props) => <Field key={props.field.name} {...props} />)}
      </div>
    </details>
  );
}

function withMember(parameters: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const others = Object.entries(parameters).filter(([other]) => other !== name);
  if (value === undefined) return Object.fromEntries(others);
  return { ...parameters, [name]: value };
}
