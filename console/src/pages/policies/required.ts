/** Fields that must be filled in before anybody is asked. */
import type { Diagnostic, Policy, PolicyType } from '../../api/types';
import type { Spot } from '../../model/policies';

export function missingOf(policy: Policy, type: PolicyType, spot: Spot): Diagnostic[] {
  return type.fields.filter((field) => isRequired(field.name, type) && isMissing(policy.parameters ?? {}, field.name, type)).map(({ name, title }) => ({
    severity: 'error', code: 'missing-field', message: `${title} is required.`, pointer: pointerTo(spot, name),
  }));
}

export function isRequired(name: string, type: PolicyType): boolean {
  const field = type.fields.find((field) => field.name === name);
  return type.schema.required?.includes(name) ?? false
    ? true
    : Boolean(field?.basic && type.name === 'BackendJwt');
}

/** What was never written is the default's business; what was emptied, or has no default, is missing. */
function isMissing(parameters: Record<string, unknown>, name: string, type: PolicyType): boolean {
  const hasDefault = (type.defaults[name] ?? type.fields.find((field) => field.name === name)?.default) !== undefined;
  return name in parameters || !hasDefault ? isBlank(parameters[name]) : false;
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

function pointerTo(spot: Spot, name: string): string {
  const escaped = (text: string) => text.replaceAll('~', '~0').replaceAll('/', '~1');
  const place = spot.level === 'api' ? '/api' : `/operations/${escaped(spot.key)}`;
  return `${place}/${spot.flow}/${spot.index}/parameters/${escaped(name)}`;
}
