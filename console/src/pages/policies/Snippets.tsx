/**
 * Code that verifies this token, to copy: the examples of docs/verify.md, with this gateway's values put in.
 *
 * The page itself is read when the console is built, so that there is one text.
 */
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { me } from '../../api/queries';
import type { PreviewJwt } from '../../api/types';
import { filledIn, snippetsOf } from '../../model/snippets';
import { CodeBlock } from '../../parts/Copied';
import page from '../../../../docs/verify.md?raw';

const SNIPPETS = snippetsOf(page);

export function Snippets({ jwt }: { jwt: PreviewJwt }) {
  const [title, setTitle] = useState(SNIPPETS[0]?.title ?? '');
  const { data } = useQuery(me);
  const chosen = SNIPPETS.find((snippet) => snippet.title === title);
  const audience = jwt.claims?.find(({ name }) => name === 'aud')?.value;
  const values = {
    issuer: data?.gateway.issuer ?? 'https://gateway.example.com',
    audience: String(Array.isArray(audience) ? audience[0] : (audience ?? '')),
    algorithm: jwt.algorithm,
    header: jwt.header,
  };
  return (
    <div style={{ display: 'grid', gap: '0.75rem' }}>
      <Select label="Language and library" data={SNIPPETS.map(({ title }) => title)} value={title} onChange={(value) => value && setTitle(value)} comboboxProps={{ zIndex: 310 }} />
      {chosen?.blocks.map((block, at) => <CodeBlock key={at} code={filledIn(block, values)} label="code" />)}
    </div>
  );
}
