/** Members of a record that may be there under one of several names. */

export function textAt(record: Record<string, unknown>, ...names: string[]): string {
  for (const name of names) {
    const value = record[name];
    if (value === null || value === undefined || value === '') continue;
    return textOf(value);
  }
  return '–';
}

export function textOf(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value);
}
