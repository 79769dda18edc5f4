// Addons made by others' toolchains: JavaScript by componentize-js, Python by
// componentize-py. They are published, enabled, called, and hook pictures; and
// they stand in one chain with hooks in Rust, three of which break.

import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { done, folderOf, publishByCommand } from './addons.mjs';
import { api, binary, ready, root, until } from './platform.mjs';
import { Installation } from './roles.mjs';

const target = join(root, 'target/polyglot');
const seasons = 'polyglot.seasons';
const wordsmith = 'polyglot.wordsmith';
const languages = { [seasons]: 'javascript', [wordsmith]: 'python' };
const file = (id) => join(target, `${id}.wasm`);
const fixture = join(root, 'target/addons/semantest.fixture-hooks.wasm');

/** Why a test cannot run, or false. */
function lacking(...ids) {
  const id = ids.find((one) => !existsSync(file(one)));
  if (!id) return false;
  const reason = join(target, `${languages[id]}-missing`);
  return existsSync(reason) ? readFileSync(reason, 'utf8').trim() : 'scripts/build-polyglot was not run';
}

const client = { url: ready.url, key: ready.clientKey };

/** Publishes an addon and enables it for ada; says how large it is and what each step took. */
async function give(t, id, config = {}) {
  const job = await publishByCommand([file(id)], { url: ready.url, key: ready.publisherKey });
  assert.equal(job.error ?? null, null, JSON.stringify(job.error));
  t.diagnostic(`${id}: ${(statSync(file(id)).size / 2 ** 20).toFixed(1)} MiB`);
  const enabled = await done(t, `enable ${id}`, 'PUT', `/api/v1/users/ada/addons/${id}`, { body: { config }, ...client });
  assert.equal(enabled.result?.state ?? enabled.state, 'enabled', JSON.stringify(enabled));
}

async function call(t, id, action, params) {
  return done(t, `${id} ${action}`, 'POST', `/api/v1/users/ada/addons/${id}/actions/${action}`, { body: { params }, ...client });
}

/** Draws a picture for ada and says what each hook cost. */
async function draw(t, prompt, { user = 'ada', ...who } = client) {
  const body = { userId: user, prompt, size: '96x64' };
  const job = await done(t, `draw "${prompt}"`, 'POST', '/api/v1/images/generate', { body, ...client, ...who });
  const hooks = job.result?.hooks ?? job.error?.details?.hooks ?? [];
  for (const { addonId, point, verdict, ms, cpuMs, code, changed } of hooks) {
    t.diagnostic(`    ${addonId} ${point} ${verdict} ${code ?? changed ?? ''} ${ms} ms, ${cpuMs ?? '-'} ms of processor time`);
  }
  return { job, hooks };
}

test('an addon in JavaScript answers calls and hooks a picture', { skip: lacking(seasons) }, async (t) => {
  await give(t, seasons, { hemisphere: 'south' });
  const asked = await call(t, seasons, 'season', { date: '2026-07-14' });
  assert.equal(asked.result?.value?.season, 'winter', JSON.stringify(asked.error));
  const wrong = await call(t, seasons, 'season', { date: '2026-02-31T' });
  assert.equal(wrong.error?.code, 'ADDON_BAD_INPUT', JSON.stringify(wrong));
  assert.equal(wrong.error.addonCode, 'bad-date');
  for (const [prompt, verdict] of [['a quiet harbour', 'rewrite'], ['a harbour in winter', 'pass'], ['a lighthouse', 'rewrite']]) {
    const { job, hooks } = await draw(t, prompt);
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    assert.equal(hooks.find((hook) => hook.addonId === seasons)?.verdict, verdict);
  }
});

test('an addon in Python answers calls, hooks a prompt, and reads the picture', { skip: lacking(wordsmith) }, async (t) => {
  await give(t, wordsmith, { words: { dog: 'whippet' } });
  const asked = await call(t, wordsmith, 'polish', { text: 'A nice old dog' });
  assert.deepEqual(asked.result?.value, { text: 'A graceful weathered whippet', swapped: ['nice', 'old', 'dog'] }, JSON.stringify(asked.error));
  for (const verdict of ['rewrite', 'rewrite']) {
    const { job, hooks } = await draw(t, 'a nice dog, at sea');
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    const own = hooks.filter((hook) => hook.addonId === wordsmith);
    assert.deepEqual(own.map((hook) => [hook.point, hook.verdict]), [['before-image', verdict], ['after-image', 'keep']]);
    assert.deepEqual(own[0].changed, ['prompt']);
    assert.deepEqual(job.result.images[0].tags[wordsmith], { caption: 'A graceful whippet', shape: 'landscape' });
  }
});

/** The hook fixture, in Rust, under another name and with one hook. */
async function inRust(folder, id, hook) {
  const hooks = Object.entries({ point: 'before-image', ...hook }).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const source = readFileSync(join(root, 'addons/fixtures/hooks/addon.toml'), 'utf8');
  const manifest = source.replace(/^id = .*$/m, `id = "${id}"`).replace(/\[\[hooks\]\][\s\S]*$/, `[[hooks]]\n${hooks.join('\n')}\n`);
  const [input, output] = [join(folder, `${id}.toml`), join(folder, `${id}.wasm`)];
  writeFileSync(input, manifest);
  await promisify(execFile)(binary, ['addon', 'pack', fixture, '--manifest', input, '-o', output]);
  return output;
}

test('a chain of five hooks in three languages, one slow, two that trap', { skip: lacking(seasons, wordsmith) }, async (t) => {
  const folder = folderOf(t);
  const installation = new Installation(ready.redisUrl, '{interop-polyglot}', {
    SEMANTEST_ADDONS__APPROVAL: 'auto',
    SEMANTEST_ADDONS__SIGNATURES: 'warn',
    SEMANTEST_ADDONS__COMPONENT_LIMIT: '48MiB',
    SEMANTEST_ADDONS__QUARANTINE__USER_CRASHES: '0',
    SEMANTEST_ADDONS__HOOKS__BREAKER_FAILURES: '2',
    SEMANTEST_ADDONS__HOOKS__BREAKER_PAUSE: '3s',
    SEMANTEST_IMAGING__DEFAULT: '["sketch"]',
  });
  t.after(() => installation.close());
  const { url } = await installation.start('api', 'api');
  // Two workers: they agree about the breakers.
  await installation.start('worker', 'worker');
  await installation.start('worker', 'worker');
  const key = await installation.command('keys', 'create', '--client', 'acme', '--scope', 'client');
  const publisher = { url, key: await installation.command('keys', 'create', '--client', 'maker', '--scope', 'publisher', '--namespace', '*') };
  const user = { url, key };
  const path = (id) => `/api/v1/users/eve/addons/${id}`;
  const enable = async (id, config, order) => {
    const job = await done(t, `enable ${id}`, 'PUT', path(id), { body: { config }, ...user });
    assert.equal(job.result?.state ?? job.state, 'enabled', JSON.stringify(job));
    const moved = await api('PATCH', path(id), { body: { order }, ...user });
    assert.equal(moved.status, 200, moved.text);
  };
  const breakerOf = async (id) => (await api('GET', path(id), user)).json.breakers?.[0];

  const chain = [
    ['rust.slow', { timeoutMs: 200, cpuMs: 5000 }, { beforeImage: 'loop' }],
    [seasons, null, {}],
    ['rust.crasher', { onFailure: 'open' }, { beforeImage: 'trap' }],
    [wordsmith, null, {}],
    ['rust.fatal', { onFailure: 'closed', phase: 'last' }, { beforeImage: 'trap' }],
  ];
  for (const [order, [id, hook, config]] of chain.entries()) {
    const component = hook ? await inRust(folder, id, hook) : file(id);
    const job = await publishByCommand([component], publisher);
    assert.equal(job.error ?? null, null, JSON.stringify(job.error));
    // The last one stands last by its phase alone.
    await enable(id, config, id === 'rust.fatal' ? -9 : order);
  }

  const eve = { user: 'eve', ...user };
  const declared = [
    ['rust.slow', 'failed', 'DEADLINE_EXCEEDED'],
    [seasons, 'rewrite', undefined],
    ['rust.crasher', 'failed', 'ADDON_TRAPPED'],
    [wordsmith, 'rewrite', undefined],
    ['rust.fatal', 'failed', 'ADDON_TRAPPED'],
  ];
  const told = (hooks) => hooks.map(({ addonId, verdict, code }) => [addonId, verdict, code]);
  for (let round = 0; round < 2; round += 1) {
    const { job, hooks } = await draw(t, 'a nice old mill', eve);
    assert.deepEqual(told(hooks), declared);
    assert.deepEqual([job.status, job.error.code, job.error.details.addonId], ['failed', 'ADDON_TRAPPED', 'rust.fatal']);
  }
  // Both workers know: whoever takes the next pictures asks none of the broken ones.
  for (let round = 0; round < 2; round += 1) {
    const { job, hooks } = await draw(t, 'a nice old mill', eve);
    if (hooks.some(({ verdict }) => verdict === 'failed')) continue; // The pause was over on this machine.
    assert.deepEqual(told(hooks), declared.map(([id, verdict, code]) => (code ? [id, 'skipped', 'HOOK_UNAVAILABLE'] : [id, verdict, code])));
    assert.deepEqual([job.error.code, job.error.retryable, job.attempts.made], ['HOOK_UNAVAILABLE', true, 1]);
    assert.equal(job.error.retryAt, (await breakerOf('rust.fatal')).openUntil);
  }

  for (const id of ['rust.slow', 'rust.crasher', 'rust.fatal']) {
    const { status, text } = await api('PATCH', path(id), { body: { config: { beforeImage: 'pass' } }, ...user });
    assert.equal(status, 200, text);
  }
  for (const id of ['rust.slow', 'rust.crasher', 'rust.fatal']) {
    await until(`the breaker of ${id} lets one try`, async () => (await breakerOf(id))?.state === 'half-open');
  }
  const { job, hooks } = await draw(t, 'a nice old mill', eve);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  const tags = job.result.images[0].tags[wordsmith];
  assert.match(tags.caption, /^A graceful weathered mill$/);
  assert.deepEqual(hooks.slice(0, 5).map(({ verdict }) => verdict), ['pass', 'rewrite', 'pass', 'rewrite', 'pass']);
  for (const id of ['rust.slow', 'rust.crasher', 'rust.fatal']) assert.equal(await breakerOf(id), undefined);
});
