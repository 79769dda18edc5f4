// A Python addon, built against the world of its manifest by somebody else's tool, from the manifest to the call.

import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { api, binary, finished, ready, root } from '../platform.mjs';

const run = promisify(execFile);
const EXAMPLE = join(root, 'examples/keeper-python');
const ADDON = '/api/v1/users/python/addons/examples.keeper';

async function built(folder) {
  const manifest = join(EXAMPLE, 'addon.toml');
  await run('python3', ['-m', 'venv', join(folder, 'venv')]);
  await run(join(folder, 'venv/bin/pip'), ['install', '--quiet', '--disable-pip-version-check', 'componentize-py==0.25.1']);
  await run(binary, ['addon', 'world', '--manifest', manifest, '-o', join(folder, 'wit')]);
  const tool = join(folder, 'venv/bin/componentize-py');
  const made = join(folder, 'app.wasm');
  await run(tool, ['-d', join(folder, 'wit'), '-w', 'addon', 'componentize', 'app', '-p', EXAMPLE, '-o', made]);
  await run(binary, ['addon', 'pack', made, '--manifest', manifest, '-o', join(folder, 'keeper.wasm')]);
  return readFile(join(folder, 'keeper.wasm'));
}

async function keep(text) {
  const answer = await api('POST', `${ADDON}/actions/keep`, { body: { params: { text } } });
  assert.equal(answer.status, 202, answer.text);
  return finished(answer.json.jobId);
}

test('a Python addon is built against the world of its manifest, and asks for no more', { timeout: 300_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'interop-python-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const component = await built(folder);

  const uploaded = await fetch(new URL('/api/v1/addons', ready.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${ready.publisherKey}`, 'content-type': 'application/wasm' },
    body: component,
  });
  const published = await finished((await uploaded.json()).jobId, { key: ready.publisherKey });
  assert.equal(published.status, 'completed', JSON.stringify(published));
  const enabling = await api('PUT', ADDON, { body: { grants: [{ kind: 'kv', maxBytes: 100 }] } });
  const enabled = await finished(enabling.json.jobId);
  assert.equal(enabled.result?.state, 'enabled', JSON.stringify(enabled));

  assert.deepEqual((await keep('two words')).result.value, { words: 2 });
  assert.deepEqual((await keep('three more words')).result.value, { words: 3, before: 'two words' });

  const explained = await api('GET', `${ADDON}/explain?capability=kv&key=text&bytes=200`);
  assert.equal(explained.json.deniedBy, 'grant', explained.text);
  const denied = await keep('x'.repeat(196));
  assert.equal(denied.error?.code, 'QUOTA_EXCEEDED', JSON.stringify(denied));
  const { key, rule } = denied.error.details;
  assert.deepEqual({ key, rule }, { key: 'grant', rule: explained.json.keys[2].rule });
});
