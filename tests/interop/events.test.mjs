// Node's QueueEvents follows a job that our API enqueued and our worker does.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';

import { api, openQueue, until } from './platform.mjs';

test('QueueEvents sees active, progress and completed, in that order', async (t) => {
  const { queue, events } = await openQueue(t, 'image-generation');
  const seen = [];
  for (const name of ['waiting', 'active', 'progress', 'completed', 'failed']) {
    events.on(name, (args) => seen.push({ name, ...args }));
  }

  const answer = await api('POST', '/api/v1/images/generate', {
    body: { prompt: 'A lighthouse in fog', userId: 'watcher', seed: 7 },
  });
  assert.equal(answer.status, 202, answer.text);
  const { jobId } = answer.json;
  const of = () => seen.filter((event) => event.jobId === jobId);
  await until('completed', () => of().some(({ name }) => name === 'completed'));

  const names = of().map(({ name }) => name);
  const places = ['active', 'progress', 'completed'].map((name) => names.indexOf(name));
  assert.ok(places.every((place) => place >= 0), `saw ${names}`);
  assert.deepEqual(places, [...places].sort((one, other) => one - other), `saw ${names}`);
  assert.equal(names.filter((name) => name === 'completed').length, 1);

  const job = await queue.getJob(jobId);
  assert.equal(await job.getState(), 'completed');
  const result = typeof job.returnvalue === 'string' ? JSON.parse(job.returnvalue) : job.returnvalue;
  const view = await api('GET', `/api/v1/jobs/${jobId}`);
  assert.deepEqual(view.json.result, result);
});

test('a job that fails for good shows its code as failedReason', async (t) => {
  const { queue } = await openQueue(t, 'addons');
  const answer = await api('PUT', '/api/v1/users/watcher/addons/semantest.no-such-addon', {
    body: {}, headers: { prefer: 'wait=30' },
  });
  if (answer.status === 404) {
    // Refused at the door: nothing is enqueued, nothing is left behind.
    assert.equal(answer.json.code, 'ADDON_NOT_FOUND');
    return;
  }
  assert.equal(answer.json.status, 'failed', answer.text);
  const job = await queue.getJob(answer.json.jobId);
  assert.match(job.failedReason, /^[A-Z_]+: /);
});
