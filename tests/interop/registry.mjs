// Debian's docker-registry on a free port, and a push in the layout of `wkg`
// by plain HTTP: nobody's client but fetch.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root, until } from './platform.mjs';
import { freePort } from './roles.mjs';

const found = join(root, 'target/interop/registry-bin');
const missing = join(root, 'target/interop/registry-missing');

/** Why there is no registry here; false where there is one. For `test(…, { skip })`. */
export const noRegistry = existsSync(found)
  ? false
  : existsSync(missing) ? readFileSync(missing, 'utf8').trim() : 'scripts/bootstrap-registry was not run';

export const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Starts a registry that ends with the test; answers with its host and port. */
export async function openRegistry(test) {
  const folder = mkdtempSync(join(tmpdir(), 'semantest-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'config.yml');
  writeFileSync(config, [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(join(folder, 'data'))} } }`,
    `http: { addr: ${JSON.stringify(host)} }`,
    '',
  ].join('\n'));
  const child = spawn(readFileSync(found, 'utf8').trim(), ['serve', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part) => { said += part; });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const registry = {
    host,
    url: `http://${host}`,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  test.after(() => registry.stop());
  await until('the registry to answer', async () => {
    if (child.exitCode !== null) assert.fail(`the registry ended at once: ${said}`);
    return fetch(`${registry.url}/v2/`).then((answer) => answer.ok, () => false);
  });
  return registry;
}

/** What a tag points to now. */
export async function tagged(registry, repository, tag) {
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  return { digest: answer.headers.get('docker-content-digest'), manifest: JSON.parse(await answer.text()) };
}

/** Pushes a component as `wkg oci push` does; answers with the manifest's digest. */
export async function pushAsWkg(registry, repository, tag, component) {
  const config = Buffer.from(JSON.stringify({
    created: new Date().toISOString(), author: null, architecture: 'wasm', os: 'wasip2',
    layerDigests: [digestOf(component)], component: { exports: [], imports: [], target: null },
  }));
  for (const bytes of [config, component]) {
    const begun = await fetch(`${registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    assert.equal(begun.status, 202, await begun.text());
    const place = new URL(begun.headers.get('location'), registry.url);
    place.searchParams.set('digest', digestOf(bytes));
    const stored = await fetch(place, {
      method: 'PUT', body: bytes, headers: { 'content-type': 'application/octet-stream' },
    });
    assert.equal(stored.status, 201, await stored.text());
  }
  const descriptor = (mediaType, bytes) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.wasm.config.v0+json', config),
    layers: [descriptor('application/wasm', component)],
  });
  const named = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT', body: manifest, headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
  });
  assert.equal(named.status, 201, await named.text());
  assert.equal(named.headers.get('docker-content-digest'), digestOf(manifest));
  return digestOf(manifest);
}
