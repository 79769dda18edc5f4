// Webhooks, checked by libraries and programs that are not ours.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { Webhook } from 'standardwebhooks';

import { TERMINAL, api, openReceiver, ready, root, webhooksAreOut } from './platform.mjs';

const chat = (body) => api('POST', '/api/v1/chat/new', {
  body: { prompt: 'A serene garden', imageGeneration: { enabled: true }, ...body },
});

test('npm standardwebhooks accepts our signature, and refuses one changed byte', async (t) => {
  const receiver = await openReceiver(t);
  const { json } = await chat({ webhookUrl: receiver.url, metadata: { order: 4711 } });
  const { headers, body, event } = await receiver.next('job.completed', json.jobId);

  assert.deepEqual(event.data.metadata, { order: 4711 });
  assert.equal(event.data.kind, 'generate');
  assert.ok(Buffer.byteLength(body) < 20_000);
  assert.throws(() => new Webhook(ready.webhookSecret).verify(body.replace('completed', 'completeD'), headers));
});

test('a job sends exactly one terminal event, and only to the events asked for', async (t) => {
  const receiver = await openReceiver(t);
  const { json } = await chat({
    webhookUrl: receiver.url, webhookEvents: ['job.started', 'job.completed', 'job.failed', 'job.cancelled'],
  });
  await receiver.next('job.completed', json.jobId);
  await webhooksAreOut(t);
  const types = receiver.of(json.jobId).map(({ event }) => event.type).sort();
  assert.deepEqual([...new Set(types)], ['job.completed', 'job.processing']);
  assert.equal(types.filter((type) => TERMINAL.includes(type)).length, 1);
});

test('a receiver that fails once gets the same id again', async (t) => {
  let answers = 0;
  const receiver = await openReceiver(t, { answer: () => (answers++ === 0 ? 500 : 204) });
  const { json } = await chat({ webhookUrl: receiver.url });
  await receiver.next('job.completed', json.jobId);
  await webhooksAreOut(t);
  const deliveries = receiver.of(json.jobId);
  assert.equal(deliveries.length, 2);
  assert.equal(deliveries[0].id, deliveries[1].id);
});

test('the example receiver verifies a delivery and ends', async (t) => {
  const child = spawn(process.execPath, ['examples/webhook-receiver/receiver.mjs', '--once', '--listen', '127.0.0.1:0'], {
    cwd: root,
    env: { PATH: process.env.PATH, WEBHOOK_SECRET: ready.webhookSecret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = /(http:\S+)/.exec((await lines.next()).value)[1];

  const forged = await fetch(url, { method: 'POST', body: '{}', headers: { 'webhook-id': 'x', 'webhook-timestamp': `${Date.now() / 1000 | 0}`, 'webhook-signature': 'v1,AAAA' } });
  assert.equal(forged.status, 401);
  assert.match((await lines.next()).value, /^refused/);

  const { json } = await chat({ webhookUrl: url });
  assert.match((await lines.next()).value, new RegExp(`^verified job\\.completed ${json.jobId}`));
});
