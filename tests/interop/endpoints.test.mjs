// Standing webhook endpoints, verified by official packages of two languages and, where these skip `v1a`, from the
// specification's text.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Webhook } from 'standardwebhooks';

import { api, openReceiver, root, until } from './platform.mjs';

const python = join(root, 'target/interop/python/environment/bin/python');
const missing = join(root, 'target/interop/python-missing');

/** An endpoint with a secret of ours, and a receiver that verifies with it. */
async function openEndpoint(t, events, options = {}) {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const receiver = await openReceiver(t, { secret, ...options });
  const { status, json } = await api('POST', '/api/v1/webhooks', { body: { url: receiver.url, events, secret } });
  assert.equal(status, 201);
  t.after(() => api('DELETE', `/api/v1/webhooks/${json.id}`));
  return { receiver, secret, path: `/api/v1/webhooks/${json.id}` };
}

const chat = () => api('POST', '/api/v1/chat/new', { body: { prompt: 'hello' } });

const publicKeys = async () => (await api('GET', '/.well-known/webhook-keys')).json.keys;

/** Whether one of the `v1a` signatures is made with the key: the specification's own words, and OpenSSL's Ed25519. */
function isSigned(key, { headers, body }) {
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  const { kty, crv, x } = key;
  const publicKey = createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
  return headers['webhook-signature'].split(' ').some((signature) => {
    const [version, encoded] = signature.split(',');
    return version === 'v1a' && verify(null, signed, publicKey, Buffer.from(encoded, 'base64'));
  });
}

/** What Python's packages say of a delivery. */
async function inPython(secrets, keys, { headers, body }) {
  const child = spawn(python, [join(root, 'tests/interop/webhooks/verify.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ secrets, keys: keys.map(({ whpk }) => whpk), headers, body }));
  let output = '';
  for await (const part of child.stdout) output += part;
  return JSON.parse(output);
}

test('npm standardwebhooks verifies an endpoint, through a rotation with the old and the new secret', async (t) => {
  const { receiver, secret, path } = await openEndpoint(t, ['job.completed']);
  const before = await publicKeys();
  const first = (await chat()).json.jobId;
  const one = await receiver.next('job.completed', first);
  assert.ok(isSigned(before[0], one));
  assert.ok(!isSigned(before[0], { ...one, body: `${one.body} ` }));

  const rotated = (await api('POST', `${path}/rotate`)).json;
  await api('POST', '/api/v1/webhooks/default-secret/rotate');
  const after = await publicKeys();
  assert.equal(rotated.previous.secret, secret);
  assert.deepEqual(after.map(({ kid }) => kid).slice(1), [before[0].kid]);
  const second = (await chat()).json.jobId;
  // The receiver still verifies with the old one.
  const two = await receiver.next('job.completed', second);
  assert.doesNotThrow(() => new Webhook(rotated.secret).verify(two.body, two.headers));
  assert.throws(() => new Webhook(rotated.secret).verify(two.body.replace('completed', 'completeD'), two.headers));
  assert.deepEqual(after.map((key) => isSigned(key, two)), [true, true]);
  assert.deepEqual(after.map((key) => isSigned(key, one)), [false, true]);
  assert.deepEqual(receiver.refused, []);
});

const skip = existsSync(missing) ? readFileSync(missing, 'utf8').trim() : !existsSync(python) && 'run make interop';

test('PyPI standardwebhooks and cryptography verify v1 and v1a, through a rotation', { skip }, async (t) => {
  const { receiver, secret, path } = await openEndpoint(t, ['job.completed']);
  const rotated = (await api('POST', `${path}/rotate`)).json;
  const { jobId } = (await chat()).json;
  const delivery = await receiver.next('job.completed', jobId);
  const keys = await publicKeys();
  const stranger = (await api('GET', '/.well-known/webhook-keys?client=somebody-else')).json.keys;
  const stray = `whsec_${randomBytes(32).toString('base64')}`;

  const said = await inPython([rotated.secret, secret, stray], [keys[0], stranger[0]], delivery);
  assert.deepEqual(said, { v1: [true, true, false], v1a: [true, false] });
  const forged = await inPython([rotated.secret], [keys[0]], { ...delivery, body: delivery.body.replace('completed', 'failed') });
  assert.deepEqual(forged, { v1: [false], v1a: [false] });
});

test('what an endpoint does not take is listed, and taken when it is replayed', async (t) => {
  let isDown = true;
  const { receiver, path } = await openEndpoint(t, ['job.completed'], { answer: () => (isDown ? 500 : 204) });
  const { jobId } = (await chat()).json;
  const first = await receiver.next('job.completed', jobId);
  const listed = async () => (await api('GET', `${path}/deliveries`)).json.data.find((it) => it.jobId === jobId);
  const delivery = await until('the failed attempt to be listed', async () => {
    const found = await listed();
    return found?.attempts.length > 0 && found;
  });
  assert.equal(delivery.status, 'pending');
  assert.equal(delivery.attempts[0].status, 500);
  // It is on its way: nobody can send it twice at once.
  assert.equal((await api('POST', `/api/v1/webhooks/deliveries/${delivery.id}/replay`)).status, 409);
  isDown = false;
  await until('the next attempt to arrive', async () => (await listed()).status === 'delivered');
  assert.equal((await api('POST', `/api/v1/webhooks/deliveries/${delivery.id}/replay`)).status, 202);
  const arrivals = await until('the replay to arrive', () => receiver.of(jobId).length >= 3 && receiver.of(jobId));
  assert.ok(arrivals.every(({ id }) => id === first.id));
});
