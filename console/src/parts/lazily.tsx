/** A page in a script of its own that is shown at once where the script is there already. */
import { lazy, useState, type ComponentType } from 'react';

export interface Lazily<P> {
  Page: ComponentType<P>;
  load: () => Promise<ComponentType<P>>;
}

/**
 * As React's `lazy`, which always shows its fallback first. React fills such places at most every 300 ms, so that one within
 * another costs a person the better part of a second.
 */
export function lazily<P extends object>(fetch: () => Promise<ComponentType<P>>): Lazily<P> {
  let known: ComponentType<P> | undefined;
  const load = async () => (known = await fetch());
  const Later = lazy(async () => ({ default: await load() })) as unknown as ComponentType<P>;
  const Page = (props: P) => {
    // One for as long as it is shown: another would forget what was typed.
    const [Shown] = useState(() => known ?? Later);
    return <Shown {...props} />;
  };
  return { Page, load };
}
