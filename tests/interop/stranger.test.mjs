// An addon by a stranger, in Python, built with componentize-py for a world of
// its own, on an installation as operators run it: consent is asked, nothing
// private may be reached but what was listed.

import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';

import { done, folderOf, packed, publishByCommand, saySteps } from './addons.mjs';
import { api, ready, root } from './platform.mjs';
import { digestOf, noRegistry, openRegistry, pushAsWkg } from './registry.mjs';
import { Installation } from './roles.mjs';

const folder = join(root, 'target/interop/python');
const sources = join(root, 'tests/interop/python');
const missing = join(root, 'target/interop/python-missing');
const component = (name) => join(folder, `${name}.wasm`);
const noPython = existsSync(component('words-kept'))
  ? false
  : existsSync(missing) ? readFileSync(missing, 'utf8').trim() : 'scripts/bootstrap-python was not run';

/** An https server on loopback with a certificate of its own, which answers `bytes` to everything. */
async function openShop(t, into, bytes) {
  const [key, certificate] = [join(into, 'key.pem'), join(into, 'certificate.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-keyout', key, '-out', certificate, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-addext', 'basicConstraints=critical,CA:FALSE'], { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/wasm' }).end(bytes);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `https://127.0.0.1:${server.address().port}/words.wasm`, certificate };
}

test('a stranger publishes by upload, by https and by OCI, and a user enables each', { skip: noPython || noRegistry }, async (t) => {
  const files = folderOf(t);
  const pack = (name, version) => packed(files, component(name), join(sources, `${name}.toml`), version);
  const [uploaded, shopped, registered] = [await pack('words', '1.0.0'), await pack('words', '1.0.1'), await pack('words', '1.0.2')];
  const shop = await openShop(t, files, shopped.bytes);
  const registry = await openRegistry(t);

  const installation = new Installation(ready.redisUrl, '{interop-stranger}', {
    SEMANTEST_ADDONS__APPROVAL: 'auto',
    SEMANTEST_ADDONS__NAMESPACES__STRANGER__COMPONENT_LIMIT: '48MiB',
    SEMANTEST_ADDONS__SIGNATURES: 'warn',
    SEMANTEST_ADDONS__REGISTRIES: `{ "${registry.host}" = { plain_http = true } }`,
    SEMANTEST_EGRESS__SOURCES__ALLOW: '["127.0.0.1/32"]',
    SSL_CERT_FILE: shop.certificate,
  });
  t.after(() => installation.close());
  const { url } = await installation.start('api', 'api');
  await installation.start('worker', 'worker');
  const key = await installation.command('keys', 'create', '--client', 'acme', '--scope', 'client');
  const publisher = {
    url,
    key: await installation.command('keys', 'create', '--client', 'maker', '--scope', 'publisher', '--namespace', 'stranger'),
  };
  const client = { url, key };
  const publish = async (what, body) => {
    const job = await done(t, `publish ${what}`, 'POST', '/api/v1/addons', { body, ...publisher });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    return job.result;
  };

  const byUpload = await publishByCommand([uploaded.file], publisher);
  saySteps(t, 'publish by upload', byUpload);
  assert.equal(byUpload.result?.digest, digestOf(uploaded.bytes), JSON.stringify(byUpload.error));
  const byAddress = await publish(shop.url, { source: { url: shop.url }, digest: digestOf(shopped.bytes) });
  assert.equal(byAddress.version, '1.0.1');
  const pushed = await pushAsWkg(registry, 'stranger/words', '1.0.2', registered.bytes);
  const byRegistry = await publish('from a registry', { source: { oci: `oci://${registry.host}/stranger/words@${pushed}` } });
  assert.equal(byRegistry.digest, digestOf(registered.bytes));

  const enablement = '/api/v1/users/ada/addons/stranger.words';
  const enable = (what, body) => done(t, what, 'PUT', enablement, { body, ...client });
  const count = async (text) => {
    const job = await done(t, `count "${text}"`, 'POST', `${enablement}/actions/count`, { body: { params: { text } }, ...client });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    return job.result.value;
  };
  for (const version of ['1.0.0', '1.0.1', '1.0.2']) {
    const job = await enable(`enable ${version}`, { version });
    assert.deepEqual([job.result?.state, job.result?.version], ['enabled', version], JSON.stringify(job.error));
  }
  const year = new Date().getUTCFullYear();
  assert.deepEqual(await count('how now brown cow'), { words: 4, year });

  const { paths } = (await api('GET', '/openapi.json', client)).json;
  const canGoBack = '/api/v1/users/{userId}/addons/{addonId}/rollback' in paths;
  await t.test('the user moves to a version that asks for more, consents, and goes back', {
    skip: canGoBack ? false : 'this server has no rollback yet',
  }, async (t) => {
    const kept = await pack('words-kept', '2.0.0');
    const wide = await publishByCommand([kept.file], publisher);
    assert.equal(wide.result?.digest, digestOf(kept.bytes), JSON.stringify(wide.error));
    const standing = async () => (await api('GET', enablement, client)).json;

    const asked = await done(t, 'upgrade without consent', 'PUT', enablement, { body: { version: '2.0.0' }, ...client });
    assert.equal(asked.status, 'completed', JSON.stringify(asked.error));
    const waiting = await standing();
    assert.deepEqual([waiting.version, waiting.state], ['1.0.2', 'enabled'], JSON.stringify(waiting));
    assert.deepEqual([waiting.candidate?.version, waiting.candidate?.state], ['2.0.0', 'awaiting-consent'], JSON.stringify(waiting));
    assert.deepEqual(await count('the old one serves'), { words: 4, year });

    const agreed = await done(t, 'upgrade with consent', 'PUT', enablement, {
      body: { version: '2.0.0', consent: digestOf(kept.bytes) }, ...client,
    });
    assert.equal(agreed.status, 'completed', JSON.stringify(agreed.error));
    assert.equal((await standing()).digest, digestOf(kept.bytes));
    assert.deepEqual(await count('one two'), { words: 2, total: 2 });
    assert.deepEqual(await count('three'), { words: 1, total: 3 });

    const back = await api('POST', `${enablement}/rollback`, { body: {}, ...client });
    assert.equal(back.status, 200, back.text);
    t.diagnostic(`roll back: ${back.json.version} ${back.json.state}`);
    assert.equal((await standing()).digest, digestOf(registered.bytes));
    assert.deepEqual(await count('back again'), { words: 2, year });
  });

  // The address has other bytes than the publisher says: nothing is taken, and nobody is moved.
  const swapped = await done(t, 'publish what was swapped on the way', 'POST', '/api/v1/addons', {
    body: { source: { url: shop.url }, digest: digestOf(Buffer.from('what the publisher built')) }, ...publisher,
  });
  assert.equal(swapped.error?.code, 'DIGEST_MISMATCH');
  assert.equal((await api('GET', enablement, client)).json.digest, digestOf(registered.bytes));
});
