#!/usr/bin/env node
// Bull Board, as its makers ship it, over Semantest's queues.
//
//   npm install --no-save --prefix examples
//   REDIS_URL=redis://… node examples/bull-board/server.mjs [--listen 127.0.0.1:3000]
//
// Bull Board has no authentication of its own, and it shows prompts and results:
// keep it on loopback, or mount it behind something that asks who is there.

import { parseArgs } from 'node:util';

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import express from 'express';

const QUEUES = ['addons', 'addon-calls', 'image-generation', 'webhooks', 'upkeep'];

const { values } = parseArgs({ options: { listen: { type: 'string', default: '127.0.0.1:3000' } } });
const [host, port] = values.listen.split(':');
const connection = { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' };
const prefix = process.env.PREFIX ?? '{semantest}';

const serverAdapter = new ExpressAdapter();
serverAdapter.setBasePath('/ui');
const queues = QUEUES.map((name) => new Queue(name, { connection, prefix }));
// Read-only: a retry here would go behind the platform's own records; POST /api/v1/jobs/{jobId}/retry does not.
createBullBoard({
  queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
  serverAdapter,
});

const app = express();
app.use('/ui', serverAdapter.getRouter());
const server = app.listen(Number(port), host, () => {
  const address = server.address();
  console.log(`Bull Board on http://${address.address}:${address.port}/ui`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all(queues.map((queue) => queue.close()));
  });
}
