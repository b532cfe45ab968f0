import { describe, expect, it } from 'vitest';
import { countOf, diffOf, fileOf, readDiff } from './diff';

const DIFF = `--- apis/orders.yaml
+++ apis/orders.yaml
@@ -3,3 +3,4 @@
 version: "1.0"
-type: REST
+type: GRPC
+--- not a file line
 operations:
`;

describe('a unified diff', () => {
  it('is read with the line numbers of both sides', () => {
    expect(readDiff(DIFF)).toEqual([
      { kind: 'file', text: '--- apis/orders.yaml' },
      { kind: 'file', text: '+++ apis/orders.yaml' },
      { kind: 'hunk', text: '@@ -3,3 +3,4 @@' },
      { kind: 'same', text: 'version: "1.0"', before: 3, after: 3 },
      { kind: 'removed', text: 'type: REST', before: 4, after: null },
      { kind: 'added', text: 'type: GRPC', before: null, after: 4 },
      { kind: 'added', text: '--- not a file line', before: null, after: 5 },
      { kind: 'same', text: 'operations:', before: 5, after: 6 },
    ]);
  });

  it('is counted', () => {
    expect(countOf(DIFF)).toEqual({ added: 2, removed: 1 });
    expect(countOf('')).toEqual({ added: 0, removed: 0 });
  });

  it('keeps a removed line that begins with dashes', () => {
    expect(countOf('--- a\n+++ a\n@@ -1,1 +1,0 @@\n--- x\n')).toEqual({ added: 0, removed: 1 });
  });
});

describe('the file of a diff', () => {
  it('is named by its head', () => {
    expect(fileOf(DIFF)).toBe('apis/orders.yaml');
    expect(fileOf('--- a/orders.yaml\n+++ b/orders.yaml\n@@ -1 +1 @@\n-a\n+b\n')).toBe('orders.yaml');
    expect(fileOf('--- a/orders.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n')).toBe('orders.yaml');
    expect(fileOf('')).toBeNull();
  });
});

describe('two texts', () => {
  it('differ in what was added and removed, with the lines around', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\n';
    expect(diffOf(before, 'a\nb\nc\nd\nE\nf\nnew\ng\n')).toBe('@@ -2,6 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n+new\n g\n');
    expect(diffOf(before, before)).toBe('');
    expect(countOf(diffOf('', 'a\nb\n'))).toEqual({ added: 2, removed: 0 });
  });
});
