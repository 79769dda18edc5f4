#!/usr/bin/env node
// A foreign producer: puts jobs into Semantest's queues with npm `bullmq`, the
// way services that know nothing of the REST API do, and waits for the results.
//
//   npm install --no-save --prefix examples
//   REDIS_URL=redis://… node examples/producer/producer.mjs "A serene garden"
//
// Whoever can reach this Redis is trusted: no key is asked for (docs/OPERATORS.md).

import { Queue, QueueEvents } from 'bullmq';

const connection = { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' };
const prefix = process.env.PREFIX ?? '{semantest}';
const prompt = process.argv[2] ?? 'A serene garden';
const userId = process.env.USER_ID ?? 'alice';
const webhookUrl = process.env.WEBHOOK_URL;

/** Longest wait for one result, in milliseconds. */
const PATIENCE_MS = 60_000;

async function ask(name, job, data, options) {
  const queue = new Queue(name, { connection, prefix });
  const events = new QueueEvents(name, { connection, prefix });
  try {
    await events.waitUntilReady();
    const added = await queue.add(job, data, options);
    console.log(`${name}: added ${job} as ${added.id}`);
    const result = await added.waitUntilFinished(events, PATIENCE_MS);
    console.log(JSON.stringify(result, null, 2));
  } finally {
    await events.close();
    await queue.close();
  }
}

// A job without a priority would overtake everybody who set one; 5 is Semantest's `normal`.
await ask('addons', 'load', { addonId: 'semantest.prompt-styles', userId }, { priority: 5 });
await ask('image-generation', 'generate', { prompt, provider: 'dalle3', userId, webhookUrl }, { priority: 5 });
