// The queue is a door too: the snippets of the decision record ADR-001, word for
// word but for connection and prefix, are done by our workers.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import {
  PATIENCE_MS, TERMINAL, api, finished, openQueue, openReceiver, publicId, webhooksAreOut,
} from './platform.mjs';

const userId = 'producer-user';

test('a foreign image job is done, with one terminal signed webhook', async (t) => {
  const { queue, events } = await openQueue(t, 'image-generation');
  const receiver = await openReceiver(t);

  const job = await queue.add('generate', {
    prompt: 'A serene garden', provider: 'dalle3', userId, webhookUrl: receiver.url,
  });
  const result = await job.waitUntilFinished(events, PATIENCE_MS);

  assert.equal(result.images.length, 1);
  assert.equal(result.requestedProvider, 'dalle3');
  assert.match(result.images[0].sha256, /^(sha256:)?[0-9a-f]{64}$/);

  const jobId = publicId('image-generation', job.id);
  const delivery = await receiver.next('job.completed', jobId);
  assert.equal(delivery.event.data.status, 'completed');
  assert.equal(delivery.event.data.userId, userId);
  await webhooksAreOut(t);
  const terminal = receiver.of(jobId).filter(({ event }) => TERMINAL.includes(event.type));
  assert.equal(new Set(terminal.map(({ id }) => id)).size, 1);
  assert.deepEqual(receiver.refused, []);

  const view = await finished(jobId);
  assert.equal(view.status, 'completed');
  assert.deepEqual(view.result, result);
});

test('the older job name `generate-image` is the same job', async (t) => {
  const { queue, events } = await openQueue(t, 'image-generation');
  const job = await queue.add('generate-image', { prompt: 'A quiet pond', userId });
  const result = await job.waitUntilFinished(events, PATIENCE_MS);
  assert.equal(result.images.length, 1);
});

test('a foreign load job enables the addon for the user', async (t) => {
  const { queue, events } = await openQueue(t, 'addons');
  const job = await queue.add('load', { addonId: 'semantest.prompt-styles', userId, config: {} });
  await job.waitUntilFinished(events, PATIENCE_MS);

  const enablement = await api('GET', `/api/v1/users/${userId}/addons/semantest.prompt-styles`);
  assert.equal(enablement.status, 200, enablement.text);
  assert.equal(enablement.json.state, 'enabled');
});

test('a foreign invoke job calls an action', async (t) => {
  const addons = await openQueue(t, 'addons');
  const load = await addons.queue.add('load', { addonId: 'semantest.notes', userId });
  await load.waitUntilFinished(addons.events, PATIENCE_MS);

  const calls = await openQueue(t, 'addon-calls');
  const job = await calls.queue.add('invoke', {
    addonId: 'semantest.notes', userId, action: 'add', params: { text: 'from a queue' },
  });
  const result = await job.waitUntilFinished(calls.events, PATIENCE_MS);
  assert.ok('value' in result, JSON.stringify(result));
});

test('a foreign job that asks for nonsense fails with a code, at once', async (t) => {
  const { queue, events } = await openQueue(t, 'addons');
  const job = await queue.add('load', { addonId: 'no dot here', userId }, { attempts: 5 });
  await assert.rejects(job.waitUntilFinished(events, PATIENCE_MS));
  const failed = await queue.getJob(job.id);
  assert.match(failed.failedReason, /^[A-Z_]+: /);
  assert.equal(failed.attemptsMade, 1);
});
