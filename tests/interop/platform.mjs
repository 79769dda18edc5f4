// What every interop test stands on: the running server, its queues, a webhook
// receiver that checks signatures with somebody else's library.

import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { Queue, QueueEvents } from 'bullmq';
import { Webhook } from 'standardwebhooks';

assert.ok(process.env.INTEROP_READY, 'start the tests with `make interop` or tests/interop/run');

/** The ready line of `semantest dev --json`. */
export const ready = JSON.parse(process.env.INTEROP_READY);
export const binary = process.env.INTEROP_BINARY;
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const connection = { url: ready.redisUrl };
export const prefix = ready.prefix;

/** Longest wait for anything, in milliseconds: a debug build on a busy machine is slow. */
export const PATIENCE_MS = 180_000;

/** Asks `look` again and again until it answers with something; fails with what was waited for. */
export async function until(what, look, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) assert.fail(`waited ${patience} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** One request to the API; the answer with its body read. */
export async function api(method, path, { body, headers = {}, key = ready.clientKey, url = ready.url } = {}) {
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
}

/** Waits until a job of ours is over and answers with its REST view. */
export async function finished(jobId, options) {
  return until(`job ${jobId} to end`, async () => {
    const answer = await api('GET', `/api/v1/jobs/${jobId}`, options);
    return ['completed', 'failed', 'cancelled'].includes(answer.json?.status) && answer.json;
  });
}

/** The public id of a job that a foreign producer enqueued. */
export const publicId = (queue, id) => `ext_${queue}_${id}`;

/** A queue with its events, closed when the test ends. */
export async function openQueue(test, name, options = { connection, prefix }) {
  const queue = new Queue(name, options);
  const events = new QueueEvents(name, options);
  test.after(async () => {
    await events.close();
    await queue.close();
  });
  await events.waitUntilReady();
  return { queue, events };
}

/** Waits until no webhook is on its way, so that what did not come will not come. */
export async function webhooksAreOut(test) {
  const { queue } = await openQueue(test, 'webhooks');
  await until('the webhooks queue to be empty', async () => {
    const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'waiting-children');
    return Object.values(counts).every((count) => count === 0);
  });
}

/** A receiver on a free port that keeps every delivery whose signature npm `standardwebhooks` accepts. */
export async function openReceiver(test, { secret = ready.webhookSecret, answer = () => 204 } = {}) {
  const webhook = new Webhook(secret);
  const receiver = { deliveries: [], refused: [], url: '' };
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString('utf8');
    const delivery = { headers: request.headers, body, id: request.headers['webhook-id'], at: Date.now() };
    try {
      delivery.event = webhook.verify(body, request.headers);
      receiver.deliveries.push(delivery);
    } catch (error) {
      receiver.refused.push({ ...delivery, error: String(error) });
    }
    response.writeHead(answer(delivery)).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  receiver.of = (jobId) => receiver.deliveries.filter((delivery) => delivery.event.data.jobId === jobId);
  receiver.next = (type, jobId) =>
    until(`webhook ${type} of ${jobId ?? 'any job'}`, () =>
      receiver.deliveries.find(({ event }) => event.type === type && (!jobId || event.data.jobId === jobId)));
  return receiver;
}

/** The types that end a job; a job sends exactly one of them. */
export const TERMINAL = ['job.completed', 'job.failed', 'job.cancelled'];
