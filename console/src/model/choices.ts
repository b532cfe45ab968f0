/** The words that a parameter may be here, with the one that the file has: under whichever of its names. */

export interface Choice { value: string; label: string }

/** Other names of algorithms that files may have: Java's, and RFC 9864's. */
const ALIASES: Record<string, string> = {
  SHA256withRSA: 'RS256', SHA384withRSA: 'RS384', SHA512withRSA: 'RS512',
  SHA256withECDSA: 'ES256', SHA384withECDSA: 'ES384', SHA512withECDSA: 'ES512',
  SHA256withHMAC: 'HS256', SHA384withHMAC: 'HS384', SHA512withHMAC: 'HS512',
  NONE: 'none', Ed25519: 'EdDSA',
};

/** Each word once: a word that the file spells otherwise keeps its spelling, one that cannot be used says so. */
export function choicesOf(values: string[], written: string | null): Choice[] {
  if (!written) return values.map((value) => ({ value, label: value }));
  const meant = ALIASES[written] ?? written;
  const isMeant = (value: string) => value.toLowerCase() === meant.toLowerCase();
  const choices = values.map((value) => (isMeant(value) ? { value: written, label: value === written ? value : `${value} (written ${written})` } : { value, label: value }));
  return values.some(isMeant) ? choices : [...choices, { value: written, label: `${written}: cannot be used here` }];
}
