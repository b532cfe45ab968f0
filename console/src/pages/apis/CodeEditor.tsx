/**
 * A text field for YAML: a plain textarea, with line numbers, colours behind it, and marks at wrong lines.
 *
 * Plain, because screen readers, phones and the content security policy all know a textarea.
 */
import { useMemo } from 'react';
import { painted } from '../../model/yaml';
import css from './apis.module.css';

interface EditorProps { label: string; value: string; readOnly?: boolean; wrongLines?: number[]; onChange: (text: string) => void }

export function CodeEditor({ label, value, readOnly = false, wrongLines = [], onChange }: EditorProps) {
  const lines = useMemo(() => painted(value), [value]);
  const wrong = new Set(wrongLines);
  return (
    <div className={css.editor}>
      <div className={css.gutter} aria-hidden="true">
        {lines.map((_, at) => <div key={at} data-wrong={wrong.has(at + 1) || undefined}>{at + 1}</div>)}
      </div>
      <div className={css.pane}>
        <pre className={css.paint} aria-hidden="true">
          {lines.map((line, at) => (
            <div key={at} data-wrong={wrong.has(at + 1) || undefined}>
              {line.map(({ kind, text }, part) => <span key={part} className={kind === 'plain' ? undefined : css[kind]}>{text}</span>)}
              {line.length === 0 && '\n'}
            </div>
          ))}
        </pre>
        <textarea className={css.input} aria-label={label} value={value} readOnly={readOnly} spellCheck={false} autoCapitalize="off" autoComplete="off" wrap="off" aria-invalid={wrong.size > 0 || undefined} onChange={(event) => onChange(event.currentTarget.value)} />
      </div>
    </div>
  );
}
