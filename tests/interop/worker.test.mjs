// A Node worker takes a job that our API enqueued: `semantest api` runs alone,
// under a prefix of its own, and Node does the work.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import { Worker } from 'bullmq';

import { api, connection, openQueue, ready, until } from './platform.mjs';
import { Installation } from './roles.mjs';

test('a Node Worker does a job of our API, and its flow parent is released', async (t) => {
  const options = { connection, prefix: '{interop-apart}' };
  const installation = new Installation(ready.redisUrl, options.prefix);
  t.after(() => installation.close());
  const key = await installation.command('keys', 'create', '--client', 'interop', '--scope', 'client');
  const { url } = await installation.start('api', 'api');

  const answer = await api('POST', '/api/v1/images/generate', {
    url,
    key,
    body: { prompt: 'A bridge', userId: 'node', webhookUrl: 'http://127.0.0.1:9/', metadata: { order: 17 } },
  });
  assert.equal(answer.status, 202, answer.text);
  const { jobId } = answer.json;

  const { queue, events } = await openQueue(t, 'image-generation', options);
  const webhooks = await openQueue(t, 'webhooks', options);
  assert.equal((await webhooks.queue.getJobCounts('waiting-children'))['waiting-children'], 1);

  const taken = [];
  const worker = new Worker('image-generation', async (job) => {
    taken.push(job);
    await job.updateProgress(50);
    return { images: [], note: 'made by Node' };
  }, options);
  t.after(() => worker.close());
  const job = await queue.getJob(jobId);
  const result = await job.waitUntilFinished(events, 30_000);

  assert.deepEqual(result, { images: [], note: 'made by Node' });
  assert.equal(taken.length, 1);
  assert.equal(taken[0].name, 'generate');
  assert.equal(taken[0].data.prompt, 'A bridge');
  await until('the dispatch job to be released', async () => {
    const counts = await webhooks.queue.getJobCounts('wait', 'prioritized', 'waiting-children');
    return counts['waiting-children'] === 0 && counts.wait + counts.prioritized === 1;
  });
});

test('a role that is told to stop exits with 0', async (t) => {
  const installation = new Installation(ready.redisUrl, '{interop-stop}');
  t.after(() => installation.close());
  const worker = await installation.start('worker', 'worker', '--queues', 'addon-calls,webhooks');
  await installation.stop(worker, 'SIGTERM');
  assert.equal(worker.child.exitCode, 0);
});
