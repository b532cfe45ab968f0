/** An API at a glance: where it goes, who may call, which versions there are; and its end. */
import { Anchor, Button } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { useDeleteApi } from '../../api/changes';
import { useRights } from '../../api/queries';
import type { Api } from '../../api/types';
import { plural } from '../../model/format';
import { Chip } from '../../parts/Chip';
import { Confirm } from '../../parts/Confirm';
import { Card } from '../../parts/Page';
import parts from '../../parts/parts.module.css';
import { BACKEND_JWT } from './ApisPage';
import css from './apis.module.css';

const TOKEN = 'access token';
const PASSWORD = 'name and password';
const SECURITY: Record<string, string[]> = { oauth2: [TOKEN], apiKey: ['API key'], basic: [PASSWORD], 'oauth2 or basic': [TOKEN, PASSWORD], mutualTls: ['client certificate'] };

export function OverviewTab({ api, etag }: { api: Api; etag: string | null }) {
  const mayEdit = useRights().owns(api);
  const path = `/apis/${encodeURIComponent(api.id)}`;
  return (
    <div className={css.columns}>
      <Card title="What the backend learns">
        <p style={{ marginTop: 0 }}><Chip tone={api.backendJwt === 'none' ? 'warn' : 'good'} dot>{BACKEND_JWT[api.backendJwt]}</Chip></p>
        <p className="soft">{EXPLAINED[api.backendJwt]}</p>
        <Button component={Link} to={`${path}/policies`} variant={api.backendJwt === 'none' ? 'filled' : 'light'}>Open the policies</Button>
      </Card>
      <Card title="Endpoints">
        {api.endpoints.length === 0 && <p className="soft">No endpoint: operations name their own.</p>}
        <dl className={parts.facts}>
          {api.endpoints.map(({ type, url, weight }, at) => (
            <div key={at} style={{ display: 'contents' }}>
              <dt>{type}</dt>
              <dd className="mono">{url}{api.endpoints.filter((other) => other.type === type).length > 1 && <span className="soft"> weight {weight}</span>}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Card title="About">
        <dl className={parts.facts}>
          <dt>File</dt><dd className="mono">{api.file}</dd>
          <dt>Kind</dt><dd>{api.type}</dd>
          <dt>Operations</dt><dd>{plural(api.operations, 'operation')}</dd>
          <dt>Callers bring</dt><dd>{api.security.length > 0 ? [...new Set(api.security.flatMap((one) => SECURITY[one] ?? one))].join(', or ') : 'nothing: it is open to all'}</dd>
          {api.environment && <><dt>Environment</dt><dd>{api.environment}</dd></>}
          {api.owners.length > 0 && <><dt>Authors</dt><dd>{api.owners.join(', ')}</dd></>}
        </dl>
      </Card>
      <Card title="Versions">
        <ul style={{ margin: 0, paddingLeft: '1.1rem' }}>
          {(api.versions.length > 0 ? api.versions : [api.id]).map((id) => (
            <li key={id}>{id === api.id ? <strong>{id}</strong> : <Anchor component={Link} to={`/apis/${encodeURIComponent(id)}`}>{id}</Anchor>}</li>
          ))}
        </ul>
      </Card>
      {mayEdit && <Delete api={api} etag={etag} />}
    </div>
  );
}

const EXPLAINED = {
  gateway: 'The operator switched the Backend JWT on for every API, and this one says nothing else.',
  api: 'One policy covers every operation, unless an operation has its own with the same header.',
  operations: 'Some operations have a policy of their own. The others forward calls as the gateway’s configuration says.',
  none: 'The backend is called without a word about the caller. Attach Backend JWT to change that.',
} as const;

function Delete({ api, etag }: { api: Api; etag: string | null }) {
  const [isAsking, setAsking] = useState(false);
  const remove = useDeleteApi(api.id);
  const navigate = useNavigate();
  return (
    <Card title="Delete">
      <p className="soft" style={{ marginTop: 0 }}>Callers get 404 at once, and the file goes away. The history keeps its text.</p>
      <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setAsking(true)}>Delete this API</Button>
      <Confirm opened={isAsking} title={`Delete ${api.name} ${api.version}?`} action="Delete" danger isPending={remove.isPending} error={remove.error} onClose={() => setAsking(false)} onConfirm={() => remove.mutate(etag, { onSuccess: () => void navigate('/apis') })}>
        <p>Calls to <span className="mono">{api.context || api.basePath}</span> are answered 404 from now on. The file <span className="mono">{api.file}</span> is removed.</p>
      </Confirm>
    </Card>
  );
}
