// Load, with processes killed under it: `kill -9` of workers, of Redis with
// `appendfsync always`, of the API. What was accepted (202) must end, once, and
// its one terminal webhook must arrive under one id. SOAK_MINUTES long (10).

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { TERMINAL, api, openReceiver, until } from '../platform.mjs';
import { Installation, freePort } from '../roles.mjs';

const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);
const PASSWORD = 'soak';
/** Mean time between two blows, in milliseconds. */
const BLOW_EVERY_MS = 8_000;
const WORKERS = 2;

/** A Redis of the test's own, which loses nothing it acknowledged, also by `kill -9`. */
class OwnRedis {
  constructor(port) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'semantest-soak-'));
    this.url = `redis://:${PASSWORD}@127.0.0.1:${port}`;
  }

  async start() {
    const program = process.env.SEMANTEST_REDIS_BIN || 'redis-server';
    this.child = spawn(program, [
      '--port', String(this.port), '--bind', '127.0.0.1', '--requirepass', PASSWORD, '--dir', this.folder,
      '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction',
    ], { stdio: 'ignore' });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
  }

  async stop(signal) {
    this.child.kill(signal);
    await this.ended;
  }

  async close() {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const oneOf = (list) => list[Math.floor(Math.random() * list.length)];

test(`nothing that was accepted is lost in ${MINUTES} minutes of blows`, async (t) => {
  const redis = new OwnRedis(await freePort());
  await redis.start();
  t.after(() => redis.close());
  const installation = new Installation(redis.url, '{soak}', {
    SEMANTEST_WEBHOOKS__SCHEDULE: '["0s","1s","1s","2s","5s","5s","5s","5s"]',
  });
  t.after(() => installation.close());

  const { client, secret, roles } = await bootstrap(installation);
  const receiver = await openReceiver(t, { secret });
  const accepted = new Set();
  const refused = {};
  const blows = {};
  const end = Date.now() + MINUTES * 60_000;

  const load = Promise.all(Array.from({ length: 4 }, async (_, lane) => {
    for (let count = 0; Date.now() < end; count += 1) {
      const body = { prompt: `Soak ${lane}/${count}`, size: '64x64', userId: 'soak', webhookUrl: receiver.url };
      const answer = await api('POST', '/api/v1/images/generate', { url: roles.api.url, key: client, body })
        .catch(() => ({ status: 'unreachable' }));
      if (answer.status === 202) accepted.add(answer.json.jobId);
      else refused[answer.status] = (refused[answer.status] ?? 0) + 1;
      assert.ok([202, 503, 'unreachable'].includes(answer.status), `unexpected ${answer.status}: ${answer.text}`);
      await pause(answer.status === 202 ? 50 : 250);
    }
  }));

  while (Date.now() < end) {
    await pause(BLOW_EVERY_MS * (0.5 + Math.random()));
    const blow = oneOf(['worker', 'worker', 'worker', 'redis -9', 'redis -15', 'api']);
    blows[blow] = (blows[blow] ?? 0) + 1;
    await strike(blow, installation, redis, roles);
  }
  await load;

  await until('every accepted job to have its terminal webhook', () =>
    [...accepted].every((jobId) => receiver.of(jobId).some(({ event }) => TERMINAL.includes(event.type))), 300_000);
  for (const jobId of accepted) {
    const terminal = receiver.of(jobId).filter(({ event }) => TERMINAL.includes(event.type));
    assert.equal(new Set(terminal.map(({ id }) => id)).size, 1, `${jobId} ended more than once`);
    const { json } = await api('GET', `/api/v1/jobs/${jobId}`, { url: roles.api.url, key: client });
    assert.equal(json.status, 'completed', `${jobId}: ${JSON.stringify(json.error)}`);
  }
  t.diagnostic(JSON.stringify({ accepted: accepted.size, refused, blows }));
});

async function bootstrap(installation) {
  const client = await until('Redis to answer', () =>
    installation.command('keys', 'create', '--client', 'soak', '--scope', 'client').catch(() => null));
  const roles = { api: await installation.start('api', 'api'), workers: [] };
  for (let index = 0; index < WORKERS; index += 1) roles.workers.push(await installation.start('worker', 'worker'));
  const answer = await api('GET', '/api/v1/webhooks/default-secret', { url: roles.api.url, key: client });
  assert.equal(answer.status, 200, answer.text);
  return { client, secret: answer.json.secret, roles };
}

async function strike(blow, installation, redis, roles) {
  if (blow === 'worker') {
    const victim = oneOf(roles.workers);
    await installation.stop(victim, 'SIGKILL');
    roles.workers = roles.workers.filter((worker) => worker !== victim);
    roles.workers.push(await installation.start('worker', 'worker'));
  } else if (blow === 'api') {
    await installation.stop(roles.api, 'SIGKILL');
    roles.api = await installation.start('api', 'api');
  } else {
    await redis.stop(blow === 'redis -9' ? 'SIGKILL' : 'SIGTERM');
    await pause(1_500);
    await redis.start();
  }
}
