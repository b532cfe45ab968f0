// An OpenID provider for the tests: the certified oidc-provider, on a free port.
//
//     openid.mjs [PEOPLE]     prints its port; ends when its input does; PEOPLE is a JSON file, name -> claims
//
// What a person would do in a browser is asked for with a POST of JSON to /_test, by `do`:
//   token   { user, client, scope, audience, format: jwt or opaque, jkt, extra } -> { token }; without `user`, the client's own
//   revoke  { token }
//   rotate  {}: new signing keys, the old ones gone
//   client  { id, redirect }: one more client, for people who log in; new signing keys
//   count   {}: how often each path was asked for
//
// A person who is to log in is sent to /_interaction/ID; with `?user=NAME` there they are logged in by that name.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../interop/package.json', import.meta.url));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));

let provider;
const browserClients = [];
const counts = {};
const server = createServer((request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  if (path === '/_test') return test(request, response);
  if (path.startsWith('/_interaction/')) return logIn(request, response);
  counts[path] = (counts[path] ?? 0) + 1;
  return provider.callback()(request, response);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

async function logIn(request, response) {
  const user = new URL(request.url, 'http://x').searchParams.get('user');
  if (!user) return response.end('who are you?');
  return provider.interactionFinished(request, response, { login: { accountId: user } });
}

const resourceServer = (audience, format) => ({
  audience, scope: 'orders:read orders:write', accessTokenFormat: format, accessTokenTTL: 600,
  jwt: { sign: { alg: 'ES256' } },
});

const people = process.argv[2] ? JSON.parse(readFileSync(process.argv[2], 'utf8')) : {};
const claimsOf = (id) => people[id] ? { ...people[id], sub: id } : ({
  sub: id, email: `${id}@example.com`, given_name: id, groups: ['staff', id], address: { country: 'CH' },
});

function start() {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const client = (id, more) => ({
    client_id: id, client_secret: `${id}:secret/with+signs`, redirect_uris: [], response_types: [],
    grant_types: ['client_credentials'], id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256',
    ...more,
  });
  provider = new Provider(issuer, {
    jwks: { keys: [{ ...key, use: 'sig', alg: 'ES256' }] },
    clients: [
      client('gateway'),
      client('poster', { token_endpoint_auth_method: 'client_secret_post' }),
      client('mobile'),
      client('signing', { userinfo_signed_response_alg: 'ES256' }),
      ...browserClients.map(({ id, redirect }) => client(id, {
        redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'],
      })),
    ],
    interactions: { url: (_, interaction) => `/_interaction/${interaction.uid}` },
    loadExistingGrant: async ({ oidc }) => {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
    scopes: ['openid', 'profile', 'orders:read', 'orders:write'],
    extraTokenClaims: (_, token) => token.wanted,
    findAccount: (_, id) => ({ accountId: id, claims: () => claimsOf(id) }),
    claims: { openid: ['sub', 'email', 'given_name', 'groups', 'address', ...Object.values(people).flatMap(Object.keys)] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      jwtUserinfo: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => resourceServer(audience, audience.endsWith('#opaque') ? 'opaque' : 'jwt'),
      },
    },
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256'], idTokenSigningAlgValues: ['ES256'],
      introspectionSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'],
    },
  });
  provider.on('server_error', (_, error) => console.error(error));
}

async function issue({ user, client: clientId = 'mobile', scope, audience, format = 'jwt', jkt, extra }) {
  const client = await provider.Client.find(clientId);
  const token = user ? new provider.AccessToken({ accountId: user, client, scope, extra, gty: 'authorization_code' })
    : new provider.ClientCredentials({ client, scope, extra });
  if (user) {
    const grant = new provider.Grant({ accountId: user, clientId });
    grant.addOIDCScope('openid');
    if (audience) grant.addResourceScope(audience, scope);
    token.grantId = await grant.save();
  }
  if (audience) token.resourceServer = new provider.ResourceServer(audience, resourceServer(audience, format));
  token.wanted = extra;
  if (jkt) token.jkt = jkt;
  return { token: await token.save() };
}

const doings = {
  token: issue,
  rotate: async () => { start(); return {}; },
  client: async ({ id, redirect }) => { browserClients.push({ id, redirect }); start(); return {}; },
  count: async () => counts,
  revoke: async ({ token }) => {
    const found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token);
    await found.destroy();
    return {};
  },
};

async function test(request, response) {
  try {
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = JSON.parse(body);
    response.end(JSON.stringify(await doings[asked.do](asked)));
  } catch (error) {
    response.writeHead(500).end(`${error.error_description ?? ''}\n${error.stack}`);
  }
}

start();
console.log(server.address().port);
process.stdin.on('end', () => process.exit()).resume();
