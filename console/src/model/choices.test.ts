import { describe, expect, it } from 'vitest';
import { choicesOf } from './choices';

describe('the words that a parameter may be', () => {
  const labels = (written: string | null) => choicesOf(['RS256', 'ES256', 'EdDSA'], written).map(({ label }) => label);

  it('are each there once, whatever the file calls them', () => {
    expect(labels('ES256')).toEqual(['RS256', 'ES256', 'EdDSA']);
    expect(labels(null)).toEqual(['RS256', 'ES256', 'EdDSA']);
    expect(labels('SHA256withRSA')).toEqual(['RS256 (written SHA256withRSA)', 'ES256', 'EdDSA']);
    expect(labels('Ed25519')).toEqual(['RS256', 'ES256', 'EdDSA (written Ed25519)']);
    expect(choicesOf(['Base64url', 'Base64'], 'base64URL')[0]).toEqual({ value: 'base64URL', label: 'Base64url (written base64URL)' });
  });

  it('show what cannot be used, and say so', () => {
    expect(labels('none')).toEqual(['RS256', 'ES256', 'EdDSA', 'none: cannot be used here']);
  });
});
