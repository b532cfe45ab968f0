// Answers one line of JSON for each line of JSON on standard input: would this backend accept this Backend JWT?
//
// The verifiers `jose` and `express-jwt` are the examples of docs/verify.md, written beside this file by the test;
// `express-jwt-nocode` gets the whole `Authorization` field. `discovery` is jose with the issuer's address alone.
// `raw` verifies the bytes as received with Node's own crypto, for the Base64 encoding, which no library reads.
import { createPublicKey, constants, verify } from 'node:crypto';
import { createInterface } from 'node:readline';

import { createRemoteJWKSet, jwtVerify } from 'jose';

import { userOf } from './node_modules/.snippets/jose.mjs';
import { app } from './node_modules/.snippets/express.mjs';
import { app as nocode } from './node_modules/.snippets/express-nocode.mjs';

async function listening(app) {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return server;
}

const [server, nocodeServer] = [await listening(app), await listening(nocode)];

async function whoami(server, headers) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/whoami`, { headers });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message ?? body.error);
  return body.claims;
}

async function discovery(token) {
  const response = await fetch(`${process.env.ISSUER}/.well-known/openid-configuration`);
  const { issuer, jwks_uri, id_token_signing_alg_values_supported: algorithms } = await response.json();
  if (issuer !== process.env.ISSUER) throw new Error(`the document is of ${issuer}`);
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const { payload } = await jwtVerify(token, keys, { issuer, algorithms, audience: process.env.AUDIENCE });
  return payload;
}

const hashes = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };

function options(algorithm, key) {
  if (algorithm.startsWith('PS')) {
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  }
  return algorithm.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : key;
}

async function raw(token) {
  const [head, body, signature] = token.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64'));
  const { keys } = await (await fetch(`${process.env.ISSUER}/.well-known/jwks.json`)).json();
  const jwk = keys.find((key) => key.kid === header.kid && key.alg === header.alg);
  if (!jwk) throw new Error(`no key ${header.kid}`);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const hash = header.alg === 'EdDSA' ? null : hashes[header.alg.slice(2)];
  const signed = Buffer.from(`${head}.${body}`);
  if (!verify(hash, signed, options(header.alg, key), Buffer.from(signature, 'base64'))) throw new Error('bad signature');
  return JSON.parse(Buffer.from(body, 'base64'));
}

const libraries = {
  jose: (token) => userOf({ 'x-jwt-assertion': token }),
  'express-jwt': (token) => whoami(server, { 'X-JWT-Assertion': token }),
  'express-jwt-nocode': (field) => whoami(nocodeServer, { Authorization: field }),
  discovery,
  raw,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { library, token } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ claims: await libraries[library](token) }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
  }
}
server.close();
nocodeServer.close();
