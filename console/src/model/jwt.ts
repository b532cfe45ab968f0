/** Takes a compact JWT apart for display. Verifies nothing. */

export interface TokenParts { header: string; claims: string; signature: string }

export function partsOf(token: string): TokenParts | null {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const [header = '', claims = '', signature = ''] = parts;
  return { header, claims, signature };
}

/** Decodes a segment in either alphabet, padded or not; null when it holds no JSON object. */
export function decoded(segment: string): Record<string, unknown> | null {
  try {
    const standard = segment.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
    const bytes = Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
