/** Unified diffs: read for display, and made from two texts for what has not been sent yet. */

export type DiffLine =
  | { kind: 'file' | 'hunk'; text: string }
  | { kind: 'same' | 'added' | 'removed'; text: string; before: number | null; after: number | null };

/** How many lines of each side a comparison line by line is tried for; more are shown as removed and added. */
const MOST = 1500;

/** What became of a text, as a unified diff; empty when nothing has. */
export function diffOf(before: string, after: string): string {
  if (before === after) return '';
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const middle = changesOf(old.slice(start, old.length - end), now.slice(start, now.length - end));
  const from = Math.max(0, start - CONTEXT);
  const tail = old.slice(old.length - end, old.length - end + CONTEXT);
  const lines = [...old.slice(from, start).map((line) => ` ${line}`), ...middle, ...tail.map((line) => ` ${line}`)];
  const count = (other: string) => lines.filter((line) => !line.startsWith(other)).length;
  return [`@@ -${from + 1},${count('+')} +${from + 1},${count('-')} @@`, ...lines, ''].join('\n');
}

const CONTEXT = 3;

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** The lines of both sides in order, the longest common subsequence kept. */
function changesOf(old: string[], now: string[]): string[] {
  if (old.length > MOST || now.length > MOST) return [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)];
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) { lines.push(` ${old[i]}`); i += 1; j += 1; }
    else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) { lines.push(`-${old[i]}`); i += 1; }
    else { lines.push(`+${now[j]}`); j += 1; }
  }
  return lines;
}

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

/** The name of the file that a diff is of, as it is or was; null when it does not say. */
export function fileOf(diff: string): string | null {
  const [, before, after] = /^--- (?:a\/)?(.+)\n\+\+\+ (?:b\/)?(.+)$/m.exec(diff) ?? [];
  return (after === '/dev/null' ? before : after) ?? null;
}

export function countOf(diff: string): DiffCount {
  const lines = readDiff(diff);
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  return { added: count('added'), removed: count('removed') };
}
