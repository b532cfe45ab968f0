/** Colours for YAML, line by line. A reading aid, not a parser: the gateway parses. */

export type Paint = 'plain' | 'key' | 'string' | 'comment' | 'number';
export interface Piece { kind: Paint; text: string }

const PIECES = /(?<comment>(?:^|(?<=\s))#.*$)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<key>[A-Za-z_][\w.-]*(?=:(?:\s|$)))|(?<number>(?<=[\s[,:])-?\d+(?:\.\d+)?(?=[\s,\]}]|$))/g;

export function painted(text: string): Piece[][] {
  return text.split('\n').map(line);
}

function line(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(PIECES)) {
    if (match.index > end) pieces.push({ kind: 'plain', text: text.slice(end, match.index) });
    const kind = (Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0] ?? 'plain') as Paint;
    pieces.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ kind: 'plain', text: text.slice(end) });
  return pieces;
}
