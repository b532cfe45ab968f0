/** Unified diffs: read for display, and made from two texts for what has not been sent yet. */

export type DiffLine =
  | { kind: 'file' | 'hunk'; text: string }
  | { kind: 'same' | 'added' | 'removed'; text: string; before: number | null; after: number | null };

export interface DiffCount { added: number; removed: number }

/** Reads a unified diff; anything before the first hunk is shown as file lines. */
export function readDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  let before = 0;
  let after = 0;
  // How many lines of each side the hunk still has: only so is a removed `-- x` told from a file's line.
  let left = { before: 0, after: 0 };
  for (const text of diff.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
    const isInHunk = left.before > 0 || left.after > 0;
    if (hunk && !isInHunk) {
      before = Number(hunk[1]);
      after = Number(hunk[3]);
      left = { before: Number(hunk[2] ?? 1), after: Number(hunk[4] ?? 1) };
      lines.push({ kind: 'hunk', text });
    } else if (!isInHunk || text.startsWith('\\')) {
      if (text !== '') lines.push({ kind: 'file', text });
    } else if (text.startsWith('+')) {
      left.after -= 1;
      lines.push({ kind: 'added', text: text.slice(1), before: null, after: after++ });
    } else if (text.startsWith('-')) {
      left.before -= 1;
      lines.push({ kind: 'removed', text: text.slice(1), before: before++, after: null });
    } else {
      left = { before: left.before - 1, after: left.after - 1 };
      lines.push({ kind: 'same', text: text.slice(1), before: before++, after: after++ });
    }
  }
  return lines;
}

export function countOf(diff: string): DiffCount {
  const lines = readDiff(diff);
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  return { added: count('added'), removed: count('removed') };
}
