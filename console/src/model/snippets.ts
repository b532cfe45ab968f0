/** The examples of docs/verify.md: found by heading, and filled in for one token. */

export interface Snippet { title: string; blocks: string[] }
export interface Values { issuer: string; audience: string; algorithm: string; header: string }

const LANGUAGES = /^(Java|Node|Python|Go|\.NET)\b/;

export function snippetsOf(page: string): Snippet[] {
  return page.split(/^## /m).slice(1).flatMap((section) => {
    const title = section.split('\n', 1)[0]?.trim() ?? '';
    const blocks = [...section.matchAll(/^```[a-z]*\n([\s\S]*?)^```/gm)].map((match) => (match[1] ?? '').trimEnd());
    return LANGUAGES.test(title) && blocks.length > 0 ? [{ title, blocks }] : [];
  });
}

/** Puts a token's values in the places of the page's examples. */
export function filledIn(code: string, { issuer, audience, algorithm, header }: Values): string {
  return code
    .replaceAll('os.environ["ISSUER"]', JSON.stringify(issuer))
    .replaceAll('os.environ["AUDIENCE"]', JSON.stringify(audience))
    .replaceAll('os.environ.get("ALGORITHMS", "ES256").split()', `[${JSON.stringify(algorithm)}]`)
    .replaceAll('process.env.ISSUER', quoted(issuer))
    .replaceAll('process.env.AUDIENCE', quoted(audience))
    .replaceAll(`(process.env.ALGORITHMS ?? 'ES256').split(' ')`, `[${quoted(algorithm)}]`)
    .replaceAll('https://gateway.example.com', issuer)
    .replace(/^(\s*audiences:) orders$/m, `$1 ${audience}`)
    .replaceAll('"orders"', JSON.stringify(audience))
    .replaceAll('"ES256"', JSON.stringify(algorithm))
    .replaceAll('X-JWT-Assertion', header)
    .replaceAll("'x-jwt-assertion'", quoted(header.toLowerCase()))
    .replace(/ *(#|\/\/) (https:\/\/gateway\.example\.com|your API's name, such as orders|http\S*)$/gm, '');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
