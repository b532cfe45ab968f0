/** The time, for texts such as `3 min ago`: it moves on while the page is open. */
import { useEffect, useState } from 'react';

export function useNow(every = 10_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
