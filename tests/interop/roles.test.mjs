// What operators type: keys, settings, starting and stopping a role.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import { api, ready, until } from './platform.mjs';
import { Installation } from './roles.mjs';

test('a role that is told to stop exits with 0', async (t) => {
  const installation = new Installation(ready.redisUrl, '{interop-stop}');
  t.after(() => installation.close());
  const worker = await installation.start('worker', 'worker', '--queues', 'addon-calls,webhooks');
  await installation.stop(worker, 'SIGTERM');
  assert.equal(worker.child.exitCode, 0);
});

test('a key that is revoked on the command line stops in a running server at once', async (t) => {
  const installation = new Installation(ready.redisUrl, '{interop-keys}');
  t.after(() => installation.close());
  const key = await installation.command('keys', 'create', '--client', 'acme', '--scope', 'client');
  const { url } = await installation.start('api', 'api');
  const status = async () => (await api('GET', '/api/v1/jobs', { url, key })).status;
  assert.equal(await status(), 200);

  const listed = JSON.parse(await installation.command('keys', 'list'));
  assert.equal(listed.client, 'acme');
  assert.ok(!JSON.stringify(listed).includes(key), 'a list shows no secrets');
  await installation.command('keys', 'revoke', listed.id);
  // The server remembers a key for a minute; the message about it takes milliseconds.
  await until('the key to be refused', async () => (await status()) === 401, 10_000);
});

test('settings are checked before anything starts', async (t) => {
  const installation = new Installation(ready.redisUrl, '{interop-settings}');
  t.after(() => installation.close());
  assert.match(await installation.command('config', 'check'), /^the settings fit/);

  const told = async (settings, ...args) => {
    const wrong = new Installation(ready.redisUrl, '{interop-settings}', settings);
    t.after(() => wrong.close());
    return wrong.command(...args).then(() => assert.fail('it was accepted'), (error) => error.stderr);
  };
  assert.match(await told({ SEMANTEST_SERVER__LISTNE: '127.0.0.1:1' }, 'config', 'check'), /listne/);
  assert.match(await told({ SEMANTEST_MASTER_KEY: 'too short' }, 'config', 'check'), /32 random bytes/);
  assert.match(await told({ SEMANTEST_MASTER_KEY: '' }, 'worker'), /SEMANTEST_MASTER_KEY/);
  assert.match(await told({}, 'worker', '--queues', 'addons,picures'), /there is no queue `picures`; there are addons/);
});
