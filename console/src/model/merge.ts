/** Two edits of one text that began with the same lines, brought together where they do not touch. */

interface Range { start: number; end: number; lines: string[] }

/** Returns `mine` with `theirs` in it; null when both have changed the same lines, or lines side by side. */
export function merged(base: string, mine: string, theirs: string): string | null {
  if (mine === theirs || theirs === base) return mine;
  if (mine === base) return theirs;
  const lines = base.split('\n');
  const edits = [rangeOf(lines, mine.split('\n')), rangeOf(lines, theirs.split('\n'))];
  const [first, second] = edits.sort((a, b) => a.start - b.start || a.end - b.end);
  if (!first || !second || first.end >= second.start) return null;
  return [
    ...lines.slice(0, first.start), ...first.lines, ...lines.slice(first.end, second.start), ...second.lines, ...lines.slice(second.end),
  ].join('\n');
}

/** Which lines of `base` are others in `edited`: from the first that differs to the last. */
function rangeOf(base: string[], edited: string[]): Range {
  let start = 0;
  while (start < base.length && start < edited.length && base[start] === edited[start]) start += 1;
  let rest = 0;
  while (rest < base.length - start && rest < edited.length - start && base.at(-1 - rest) === edited.at(-1 - rest)) rest += 1;
  return { start, end: base.length - rest, lines: edited.slice(start, edited.length - rest) };
}
