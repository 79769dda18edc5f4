// Addons from a registry that is not ours: pushed by our command and by plain
// HTTP in the layout of `wkg`, published by tag, and held to what the tag was.

import { strict as assert } from 'node:assert';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { done, folderOf, packed, publishByCommand, saySteps } from './addons.mjs';
import { api, ready, root } from './platform.mjs';
import { digestOf, noRegistry, openRegistry, pushAsWkg, tagged } from './registry.mjs';

const component = join(root, 'target/addons/semantest.notes.wasm');
const skip = noRegistry || (existsSync(component) ? false : 'make addons was not run');
const publisher = { url: ready.url, key: ready.publisherKey };

/** The manifest of an addon that our example is packed as. */
function manifestFor(folder, id) {
  const file = join(folder, 'addon.toml');
  const lines = [`id = "${id}"`, 'version = "0.0.0"', 'name = "Notes"', 'description = "Keeps notes."',
    '[[capabilities]]', 'kind = "kv"', 'reason = "keeps the notes"', 'maxBytes = 65536',
    '[[actions]]', 'name = "add"', 'result = { type = "object" }', ''];
  writeFileSync(file, lines.join('\n'));
  return file;
}

const enabled = async (t, user, id, version) => {
  const path = `/api/v1/users/${user}/addons/${id}`;
  const job = await done(t, `enable ${id} for ${user}`, 'PUT', path, { body: version ? { version } : {}, url: ready.url });
  assert.equal(job.status, 'completed', JSON.stringify(job));
  return (await api('GET', path)).json;
};

for (const [how, id] of [['our command', 'stranger.commanded'], ['plain HTTP as wkg does', 'stranger.layered']]) {
  test(`a tag pushed by ${how} is asked once: when it moves, the version stays`, { skip }, async (t) => {
    const registry = await openRegistry(t);
    const folder = folderOf(t);
    const manifest = manifestFor(folder, id);
    const [first, second] = [await packed(folder, component, manifest, '1.0.0'), await packed(folder, component, manifest, '2.0.0')];
    const place = `${registry.host}/${id.replace('.', '/')}:stable`;
    const push = async ({ file, bytes }) => (how === 'our command'
      ? (await publishByCommand([file, '--oci', place, '--push-only'], publisher)).manifest
      : pushAsWkg(registry, id.replace('.', '/'), 'stable', bytes));

    const pushed = await push(first);
    assert.equal((await tagged(registry, id.replace('.', '/'), 'stable')).digest, pushed);
    const job = await done(t, `publish oci://${place}`, 'POST', '/api/v1/addons', {
      body: { source: { oci: `oci://${place}` } }, ...publisher,
    });
    assert.equal(job.status, 'completed', JSON.stringify(job));
    assert.equal(job.result.digest, digestOf(first.bytes));
    assert.equal(job.steps[0].name, 'resolve');
    assert.equal(job.steps[0].detail.manifest, pushed);

    const moved = await push(second);
    assert.notEqual(moved, pushed);
    assert.equal((await tagged(registry, id.replace('.', '/'), 'stable')).digest, moved);
    assert.equal((await enabled(t, 'ada', id)).digest, digestOf(first.bytes));

    // The registry is needed for publishing alone.
    await registry.stop();
    assert.equal((await enabled(t, 'grace', id, '1.0.0')).digest, digestOf(first.bytes));
    const gone = await done(t, 'publish from a registry that is gone', 'POST', '/api/v1/addons', {
      body: { source: { oci: `oci://${place}` } }, headers: { prefer: 'wait=60' }, ...publisher,
    });
    assert.deepEqual([gone.status, gone.error.code], ['failed', 'ADDON_FETCH_FAILED']);
  });
}

test('one command pushes, and publishes exactly what it pushed', { skip }, async (t) => {
  const registry = await openRegistry(t);
  const folder = folderOf(t);
  const { file, bytes } = await packed(folder, component, manifestFor(folder, 'stranger.through'), '1.0.0');
  const job = await publishByCommand([file, '--oci', `${registry.host}/stranger/through:1.0.0`], publisher);
  saySteps(t, 'semantest addon publish --oci', job);
  assert.equal(job.status, 'completed', JSON.stringify(job));
  assert.equal(job.result.digest, digestOf(bytes));
  const { manifest, digest } = await tagged(registry, 'stranger/through', '1.0.0');
  assert.equal(manifest.config.mediaType, 'application/vnd.wasm.config.v0+json');
  assert.deepEqual(manifest.layers.map((layer) => layer.mediaType), ['application/wasm']);
  assert.ok(job.steps[0].detail.reference.endsWith(`@${digest}`), JSON.stringify(job.steps[0]));
});
