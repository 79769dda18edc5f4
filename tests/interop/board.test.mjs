// Bull Board's stock packages, started as examples/bull-board/ says, list our jobs.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { api, finished, prefix, ready, root } from './platform.mjs';

async function openBoard(t) {
  const child = spawn(process.execPath, ['examples/bull-board/server.mjs', '--listen', '127.0.0.1:0'], {
    cwd: root,
    env: { PATH: process.env.PATH, REDIS_URL: ready.redisUrl, PREFIX: prefix },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /(http:\S+)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('Bull Board ended before it said where it listens');
}

test('Bull Board lists our queues and our jobs', async (t) => {
  const answer = await api('POST', '/api/v1/images/generate', { body: { prompt: 'A board of slate', userId: 'board' } });
  assert.equal(answer.status, 202, answer.text);
  const { jobId } = answer.json;
  assert.equal((await finished(jobId)).status, 'completed');

  const url = await openBoard(t);
  const page = await fetch(`${url}/api/queues?activeQueue=image-generation&status=completed&page=1&jobsPerPage=100`);
  assert.equal(page.status, 200);
  const { queues } = await page.json();
  const names = queues.map(({ name }) => name).sort();
  assert.deepEqual(names, ['addon-calls', 'addons', 'image-generation', 'upkeep', 'webhooks']);

  const images = queues.find(({ name }) => name === 'image-generation');
  assert.ok(images.counts.completed >= 1, JSON.stringify(images.counts));
  const job = images.jobs.find(({ id }) => id === jobId);
  assert.ok(job, `job ${jobId} is not on the board`);
  assert.equal(job.name, 'generate');
  assert.equal(job.isFailed, false);
  assert.ok(job.finishedOn >= job.processedOn && job.processedOn >= job.timestamp);

  const single = await fetch(`${url}/api/queues/image-generation/${jobId}`);
  assert.equal(single.status, 200);
  assert.equal((await fetch(`${url}/api/queues/image-generation/${jobId}/logs`)).status, 200);
});
