// A SCIM 2.0 service for the tests: scimmy with its express routers, with the users of a file of JSON lines.
//
//     scimmy.mjs USERS TOKEN      prints its port; ends when its input does

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../interop/package.json', import.meta.url));
const express = require('express');
const { default: SCIMMY } = require('scimmy');
const { default: SCIMMYRouters } = require('scimmy-routers');

const [file, token] = process.argv.slice(2);
const users = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));

SCIMMY.Resources.declare(SCIMMY.Resources.User)
  .extend(SCIMMY.Schemas.EnterpriseUser, false)
  .egress((resource) => {
    if (!resource.id) return users.filter((user) => !resource.filter || resource.filter.match([user]).length > 0);
    const user = users.find((user) => user.id === resource.id);
    if (!user) throw new SCIMMY.Types.Error(404, null, 'no such user');
    return user;
  });

const app = express();
app.use('/scim', new SCIMMYRouters({
  type: 'bearer',
  handler: (request) => {
    if (request.header('Authorization') !== `Bearer ${token}`) throw new Error('not authorised');
    return 'gateway';
  },
}));
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
