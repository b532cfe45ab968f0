/** A parameter that is a list or a mapping, written as YAML: for policies that have no input of their own. */
import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { parse, stringify } from 'yaml';
import type { InputProps } from './Field';

export function StructuredInput({ value, common, onChange }: InputProps) {
  const [text, setText] = useState(() => (value === undefined ? '' : stringify(value)));
  const [problem, setProblem] = useState<string | null>(null);
  const change = (next: string) => {
    setText(next);
    try {
      onChange(next.trim() === '' ? undefined : parse(next));
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  };
  return <Textarea {...common} error={problem ?? common.error} value={text} onChange={(event) => change(event.currentTarget.value)} rows={4} spellCheck={false} classNames={{ input: 'mono' }} />;
}
