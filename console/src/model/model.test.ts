import { describe, expect, it } from 'vitest';
import { lookUpOf } from './lookup';
import { agoText, bytesText, countText, durationText, plural, timeOf } from './format';
import { decoded } from './jwt';
import { actionsOf, lifeOf } from './keys';
import { appended, type Counters } from './rates';
import { filledIn, snippetsOf } from './snippets';
import { painted } from './yaml';
import page from '../../../docs/verify.md?raw';

const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  it('is decoded in either alphabet, with its UTF-8', () => {
    const claims = { name: 'Ågren', x: '>>>???' };
    expect(decoded(segment(claims))).toEqual(claims);
    expect(decoded(Buffer.from(JSON.stringify(claims)).toString('base64'))).toEqual(claims);
    expect(decoded('!!')).toBeNull();
    expect(decoded(segment([1]))).toBeNull();
  });
});

describe('texts', () => {
  it.each([[0.0004, '400 µs'], [0.0021, '2.1 ms'], [0.25, '250 ms'], [45, '45 s'], [90, '1 min 30 s'], [3600, '1 h'], [93_600, '1 d 2 h']])('%s seconds are %s', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it('counts and sizes are short', () => {
    expect([countText(12345), bytesText(900), bytesText(2048), plural(1, 'line'), plural(0, 'policy', 'policies')]).toEqual(['12 345', '900 B', '2.0 KiB', '1 line', '0 policies']);
  });

  it('ages are rough', () => {
    expect(agoText(1_700_000_000, 1_700_000_310_000)).toBe('5 min ago');
    expect(agoText(1_700_093_600, 1_700_000_000_000)).toBe('in 1 d');
    expect(agoText(null, 0)).toBe('–');
  });

  it('times come as seconds or as text', () => {
    expect(timeOf(1_700_000_000)?.toISOString()).toBe('2023-11-14T22:13:20.000Z');
    expect(timeOf('2023-11-14T22:13:20Z')?.getTime()).toBe(1_700_000_000_000);
    expect(timeOf(null)).toBeNull();
    expect(timeOf('soon')).toBeNull();
  });
});

describe('a key', () => {
  it('has its past, its present and its future', () => {
    const key = { kid: 'k', algorithm: 'ES256', state: 'retired' as const, announcedAt: 1, activeAt: 2, retiredAt: 3, origin: 'directory', usedBy: 0 };
    expect(lifeOf(key).map(({ is }) => is)).toEqual(['past', 'past', 'now', 'later']);
    expect(actionsOf(key)).toEqual(['revoke']);
    expect(actionsOf({ ...key, state: 'gone' })).toEqual([]);
  });
});

describe('rates', () => {
  const traffic = (at: number, requests: number): Counters => ({ at, requests, refusals: { invalid_token: requests / 10 } });

  it('are counts by time, and none after the gateway was started again', () => {
    const samples = [traffic(1000, 100), traffic(1002, 300), traffic(1004, 10)].reduce((all, one) => appended(all, one, 0), [] as ReturnType<typeof appended>);
    expect(samples.map(({ requests }) => requests)).toEqual([null, 100, null]);
    expect(samples[1]?.refusals).toEqual({ invalid_token: 10 });
  });

  it('take one answer once', () => {
    const samples = appended([], traffic(1000, 1), 0);
    expect(appended(samples, traffic(1000, 1), 0)).toBe(samples);
  });
});

describe('a look-up', () => {
  it('is read masked or not', () => {
    const attributes = { email: { masked: true, type: 'string', length: 3 }, groups: ['x', 'y'] };
    expect(lookUpOf({ outcome: 'found', attributes })).toEqual({ is: 'found', attributes: [['email', 'masked: string, 3 characters'], ['groups', 'x, y']] });
    expect(lookUpOf({ outcome: 'no such user' })).toEqual({ is: 'no such user' });
  });

  it('that went wrong says why, and never that there is no such user', () => {
    expect(lookUpOf({ outcome: 'no such table: people' })).toEqual({ is: 'failed', reason: 'no such table: people' });
    expect(lookUpOf({ outcome: { masked: true, type: 'string', length: 21 } })).toEqual({ is: 'failed', reason: 'masked: string, 21 characters' });
  });
});

describe('the examples of docs/verify.md', () => {
  const snippets = snippetsOf(page);
  const values = { issuer: 'https://gw.test', audience: 'billing', algorithm: 'RS256', header: 'X-Caller' };

  it('are there for each language', () => {
    const titles = snippets.map(({ title }) => title.split(/[:\s]/)[0]);
    expect(new Set(titles)).toEqual(new Set(['Python', 'Node', 'Java', 'Go', '.NET']));
  });

  it.each(snippets.map(({ title, blocks }) => [title, blocks] as const))('%s holds the values of this token and none of the page', (_, blocks) => {
    const code = blocks.map((block) => filledIn(block, values)).join('\n');
    expect(code).toContain('https://gw.test');
    expect(code).not.toMatch(/gateway\.example\.com|process\.env|os\.environ|X-JWT-Assertion|"orders"|ES256/);
  });
});

describe('YAML', () => {
  it('is painted without losing a character', () => {
    const text = 'name: orders # why\nlist: ["a b", 3]\nurl: http://x.test/#y\n';
    expect(painted(text).map((line) => line.map((piece) => piece.text).join('')).join('\n')).toBe(text);
    expect(painted('tokenTTL: 300 # s')[0]?.map(({ kind }) => kind)).toEqual(['key', 'plain', 'number', 'plain', 'comment']);
  });
});
