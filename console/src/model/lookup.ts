/** A store's answer to a test look-up, as rows: whatever shape a value has, masked or not. */

/** Name and text of each attribute; null when the store has no such user. */
export function attributesOf(answer: Record<string, unknown>): [string, string][] | null {
  if (answer.found === false || answer.outcome === 'not_found' || answer.outcome === 'unknown_user') return null;
  const { attributes } = answer;
  if (Array.isArray(attributes)) {
    return attributes.map((entry: { name?: string; value?: unknown; values?: unknown }) => [String(entry.name), valueText(entry.value ?? entry.values)]);
  }
  if (attributes === null || typeof attributes !== 'object') return null;
  return Object.entries(attributes).map(([name, value]) => [name, valueText(value)]);
}

export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'object') return String(value);
  const { masked, type, length, count } = value as { masked?: boolean; type?: string; length?: number; count?: number };
  if (!masked) return JSON.stringify(value);
  return `masked: ${type}${count !== undefined ? `, ${count} values` : length !== undefined ? `, ${length} characters` : ''}`;
}
