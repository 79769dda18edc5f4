// Node and Rust on one queue: every job is done once, whoever takes it.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import { Worker } from 'bullmq';

import { connection, openQueue, ready, until } from '../platform.mjs';
import { Installation } from '../roles.mjs';

const JOBS = 1000;

test('Node and our workers share a queue, and each job completes once', async (t) => {
  const options = { connection, prefix: '{interop-mixed}' };
  const installation = new Installation(ready.redisUrl, options.prefix);
  t.after(() => installation.close());
  const { queue, events } = await openQueue(t, 'image-generation', options);
  const completed = new Map();
  events.on('completed', ({ jobId }) => completed.set(jobId, (completed.get(jobId) ?? 0) + 1));

  const byNode = [];
  const worker = new Worker('image-generation', async (job) => {
    byNode.push(job.id);
    return { images: [] };
  }, { ...options, concurrency: 2 });
  t.after(() => worker.close());
  await installation.start('worker', 'worker', '--queues', 'image-generation');

  await queue.addBulk(Array.from({ length: JOBS }, (_, index) => ({
    name: 'generate', data: { prompt: `Picture ${index}`, size: '64x64', userId: 'mixed' },
  })));
  await until(`${JOBS} completed jobs`, () => completed.size === JOBS, 300_000);
  assert.ok([...completed.values()].every((count) => count === 1));
  assert.ok(byNode.length > 0 && byNode.length < JOBS, `Node did ${byNode.length} of ${JOBS}`);
  const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'failed');
  assert.deepEqual(counts, { wait: 0, active: 0, delayed: 0, failed: 0 });
});

test('a job whose Node worker dies is finished by ours', async (t) => {
  const options = { connection, prefix: '{interop-stalled}' };
  const installation = new Installation(ready.redisUrl, options.prefix);
  t.after(() => installation.close());
  const { queue, events } = await openQueue(t, 'image-generation', options);

  let taken = false;
  const worker = new Worker('image-generation', () => {
    taken = true;
    return new Promise(() => {});
  // A queue's workers share one stalled check, and the last to check sets when the next may: Node's default would have
  // ours wait for 30 seconds.
  }, { ...options, lockDuration: 1000, skipStalledCheck: true });
  const job = await queue.add('generate', { prompt: 'A clock that stopped', userId: 'stalled' });
  await until('Node to take the job', () => taken);
  // Closing by force leaves the job active with a lock that nobody renews, as a killed process does.
  await worker.close(true);
  await installation.start('worker', 'worker', '--queues', 'image-generation');
  const result = await job.waitUntilFinished(events, 60_000);
  assert.equal(result.images.length, 1);
});
