import { describe, expect, it } from 'vitest';
import { merged } from './merge';

const BASE = 'a\nb\nc\nd\ne\n';

describe('two edits of one text', () => {
  it('are brought together where they do not touch', () => {
    expect(merged(BASE, 'A\nb\nc\nd\ne\n', 'a\nb\nc\nd\ne\nf\n')).toBe('A\nb\nc\nd\ne\nf\n');
    expect(merged(BASE, 'a\nb\nc\nnew\nd\ne\n', 'b\nc\nd\ne\n')).toBe('b\nc\nnew\nd\ne\n');
    expect(merged(BASE, BASE, 'x\n')).toBe('x\n');
    expect(merged(BASE, 'x\n', BASE)).toBe('x\n');
  });

  it('are left to people where they do', () => {
    expect(merged(BASE, 'a\nB\nc\nd\ne\n', 'a\nbb\nc\nd\ne\n')).toBeNull();
    expect(merged(BASE, 'a\nB\nc\nd\ne\n', 'a\nb\nC\nd\ne\n')).toBeNull();
    expect(merged(BASE, 'a\nb\n1\nc\nd\ne\n', 'a\nb\n2\nc\nd\ne\n')).toBeNull();
  });
});
