/** The key set as backends fetch it. The data listener publishes it; the admin API repeats it for this page. */
import { useQuery } from '@tanstack/react-query';
import { value } from '../api/client';
import { me } from '../api/queries';
import type { SigningKey } from '../api/types';
import { plural } from '../model/format';
import { CodeBlock } from '../parts/Copied';
import { Card, Loaded } from '../parts/Page';

export function Jwks({ keys }: { keys: SigningKey[] }) {
  const { data } = useQuery(me);
  const published = keys.map(({ kid, state }) => `${kid} ${state}`).join();
  const query = useQuery({
    queryKey: ['jwks', published],
    queryFn: ({ signal }) => value<{ keys: unknown[] }>('/jwks', { signal }),
  });
  const address = data ? `${data.gateway.issuer.replace(/\/$/, '')}/.well-known/jwks.json` : '';
  return (
    <Card title="What backends see">
      <p className="soft break" style={{ marginTop: 0 }}>{address}</p>
      <Loaded query={query}>
        {(set) => <><p className="soft">{plural(set.keys.length, 'key')}. Backends may keep it for ten minutes.</p><CodeBlock code={JSON.stringify(set, null, 2)} label="key set" /></>}
      </Loaded>
    </Card>
  );
}
