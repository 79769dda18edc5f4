// A Node worker takes a job that our API enqueued: `semantest api` runs alone,
// under a prefix of its own, and Node does the work.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import { Worker } from 'bullmq';

import { api, connection, openQueue, openReceiver, ready, until } from './platform.mjs';
import { Installation } from './roles.mjs';

test('a Node Worker does a job of our API, which shows it, and whose webhook comes', async (t) => {
  const options = { connection, prefix: '{interop-apart}' };
  const installation = new Installation(ready.redisUrl, options.prefix);
  t.after(() => installation.close());
  const key = await installation.command('keys', 'create', '--client', 'interop', '--scope', 'client');
  const { url } = await installation.start('api', 'api');
  const secret = await api('GET', '/api/v1/webhooks/default-secret', { url, key });
  assert.equal(secret.status, 200, secret.text);
  const receiver = await openReceiver(t, { secret: secret.json.secret });

  const answer = await api('POST', '/api/v1/images/generate', {
    url,
    key,
    body: { prompt: 'A bridge', userId: 'node', webhookUrl: receiver.url, metadata: { order: 17 } },
  });
  assert.equal(answer.status, 202, answer.text);
  const { jobId } = answer.json;

  const { queue, events } = await openQueue(t, 'image-generation', options);
  const webhooks = await openQueue(t, 'webhooks', options);
  assert.equal((await webhooks.queue.getJobCounts('waiting-children'))['waiting-children'], 1);

  const made = { images: [], note: 'made by Node' };
  const taken = [];
  const worker = new Worker('image-generation', async (job) => {
    taken.push(job);
    await job.updateProgress(50);
    return made;
  }, options);
  t.after(() => worker.close());
  const job = await queue.getJob(jobId);
  assert.deepEqual(await job.waitUntilFinished(events, 30_000), made);

  assert.equal(taken.length, 1);
  assert.equal(taken[0].name, 'generate');
  assert.equal(taken[0].data.prompt, 'A bridge');
  await until('the dispatch job to be released', async () => {
    const counts = await webhooks.queue.getJobCounts('wait', 'prioritized', 'waiting-children');
    return counts['waiting-children'] === 0 && counts.wait + counts.prioritized === 1;
  });

  const view = await api('GET', `/api/v1/jobs/${jobId}`, { url, key });
  assert.equal(view.json.status, 'completed', view.text);
  assert.deepEqual(view.json.result, made);

  await installation.start('worker', 'worker', '--queues', 'webhooks,upkeep');
  const delivery = await receiver.next('job.completed', jobId);
  assert.deepEqual(delivery.event.data.result, made);
  assert.deepEqual(delivery.event.data.metadata, { order: 17 });
});

test('a job that Node did ends in our record too, also when nobody looks', async (t) => {
  const options = { connection, prefix: '{interop-unseen}' };
  const installation = new Installation(ready.redisUrl, options.prefix);
  t.after(() => installation.close());
  const key = await installation.command('keys', 'create', '--client', 'interop', '--scope', 'client');
  const { url } = await installation.start('api', 'api');
  await installation.start('worker', 'worker', '--queues', 'webhooks,upkeep');
  const secret = await api('GET', '/api/v1/webhooks/default-secret', { url, key });
  const receiver = await openReceiver(t, { secret: secret.json.secret });

  const { json } = await api('POST', '/api/v1/images/generate', {
    url, key, body: { prompt: 'A well', userId: 'node', webhookUrl: receiver.url },
  });
  const worker = new Worker('image-generation', async () => {
    throw new Error('the brush is gone');
  }, options);
  t.after(() => worker.close());

  const delivery = await receiver.next('job.failed', json.jobId);
  assert.match(delivery.event.data.error.message, /the brush is gone/);
  const listed = await api('GET', '/api/v1/jobs?status=failed', { url, key });
  assert.deepEqual(listed.json.data.map(({ jobId }) => jobId), [json.jobId]);
});
