// Pictures in a bucket: an S3-speaking server of somebody else's (moto) keeps them, and links lead to it.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { api, finished, ready, root, until } from './platform.mjs';
import { freePort, Installation } from './roles.mjs';

const server = join(root, 'target/interop/python/environment/bin/moto_server');
const missing = join(root, 'target/interop/bucket-missing');
const why = existsSync(server) ? false : existsSync(missing) ? readFileSync(missing, 'utf8').trim() : 'moto is not there';
const BUCKET = 'pictures';

let bucket, child, installation, role, key;

/** What lies in the bucket, by name; moto asks nobody who he is. */
async function objects() {
  const text = await (await fetch(`${bucket}/${BUCKET}?list-type=2`)).text();
  return [...text.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, name]) => name);
}

before(async () => {
  if (why) return;
  const port = await freePort();
  bucket = `http://127.0.0.1:${port}`;
  child = spawn(server, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  await until('the bucket to answer', () => fetch(bucket).then(() => true, () => false));
  assert.equal((await fetch(`${bucket}/${BUCKET}`, { method: 'PUT' })).status, 200);
  installation = new Installation(ready.redisUrl, '{interop-bucket}', {
    SEMANTEST_STORAGE__BLOBS: 's3',
    SEMANTEST_STORAGE__S3__ENDPOINT: bucket,
    SEMANTEST_STORAGE__S3__BUCKET: BUCKET,
    SEMANTEST_STORAGE__S3__REGION: 'us-east-1',
    SEMANTEST_STORAGE__S3__PREFIX: 'semantest/blobs',
    SEMANTEST_STORAGE__S3__ACCESS_KEY_ID: 'interop',
    SEMANTEST_STORAGE__S3__SECRET_ACCESS_KEY: 'interop-secret',
  });
  role = await installation.start('api', 'api');
  await installation.start('worker', 'worker');
  key = await installation.command('keys', 'create', '--client', 'acme', '--scope', 'client');
});

after(async () => {
  await installation?.close();
  child?.kill();
});

const ask = (method, path, options = {}) => api(method, path, { key, url: role.url, ...options });

test('a picture goes into the bucket, is fetched past the server, and is removed', { skip: why }, async () => {
  const body = { prompt: 'A garden in a bucket', provider: 'sketch', size: '320x240' };
  const accepted = await ask('POST', '/api/v1/images/generate', { body });
  assert.equal(accepted.status, 202, accepted.text);
  const job = await finished(accepted.json.jobId, { key, url: role.url });
  assert.equal(job.status, 'completed', JSON.stringify(job));
  const [picture] = job.result.images;
  const name = `semantest/blobs/artifacts/${picture.sha256.slice(0, 2)}/${picture.sha256}`;
  assert.ok((await objects()).includes(name), (await objects()).join(', '));

  const link = new URL(picture.url);
  const signed = new URL(link.pathname + link.search, role.url);
  const led = await fetch(signed, { redirect: 'manual' });
  assert.equal(led.status, 307);
  const address = new URL(led.headers.get('location'));
  assert.equal(address.origin, bucket);
  assert.ok(address.searchParams.get('X-Amz-Signature'), String(address));
  assert.ok(Number(address.searchParams.get('X-Amz-Expires')) <= 900, String(address));
  const fetched = await fetch(address);
  assert.equal(fetched.headers.get('content-type'), 'image/png');
  const bytes = Buffer.from(await fetched.arrayBuffer());
  assert.equal(createHash('sha256').update(bytes).digest('hex'), picture.sha256, 'byte by byte');

  const withKey = await fetch(new URL(link.pathname, role.url), {
    headers: { authorization: `Bearer ${key}`, range: 'bytes=0-7' },
    redirect: 'manual',
  });
  assert.equal(withKey.status, 206, 'who has a key is served here');
  signed.searchParams.set('expires', '1');
  assert.equal((await fetch(signed, { redirect: 'manual' })).status, 404, 'an expired link leads nowhere');

  assert.equal((await ask('DELETE', link.pathname)).status, 204);
  assert.ok(!(await objects()).includes(name));
  // A bucket that may not be listed says 403 of what is not there.
  const gone = await fetch(address);
  assert.ok([403, 404].includes(gone.status), `the address that was signed before finds nothing: ${gone.status}`);
});

test('an upload goes into the bucket once, however often it comes', { skip: why }, async () => {
  const pixel = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
    'base64',
  );
  const upload = () =>
    fetch(new URL('/api/v1/artifacts', role.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'image/png' },
      body: pixel,
    }).then((answer) => answer.json());
  const [first, second] = [await upload(), await upload()];
  assert.equal(first.sha256, second.sha256);
  const same = async () => (await objects()).filter((name) => name.endsWith(first.sha256)).length;
  assert.equal(await same(), 1);
  assert.equal((await ask('DELETE', `/api/v1/artifacts/${first.id}`)).status, 204);
  assert.equal(await same(), 1, 'the other one needs it');
  assert.equal((await ask('DELETE', `/api/v1/artifacts/${second.id}`)).status, 204);
  assert.equal(await same(), 0);
});
