/** Text of the gateway, its `backticks` set as code. */
export function Ticked({ text }: { text: string }) {
  const parts = text.split(/`([^`]+)`/);
  return <>{parts.map((part, at) => (at % 2 === 1 ? <code key={at} className="mono break">{part}</code> : part))}</>;
}
