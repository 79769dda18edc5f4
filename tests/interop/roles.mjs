// The roles apart, as operators run them: processes of the same binary that
// share a Redis, a blob folder and a master key. Each is stopped by its own pid.

import { strict as assert } from 'node:assert';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { binary, until } from './platform.mjs';

/** A port that was free a moment ago; the roles take addresses, not port 0, because a restart must find them again. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One installation: settings that all its roles share. */
export class Installation {
  constructor(redisUrl, prefix, settings = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'semantest-roles-'));
    this.processes = new Set();
    this.environment = {
      PATH: process.env.PATH,
      SEMANTEST_REDIS_URL: redisUrl,
      SEMANTEST_REDIS__PREFIX: prefix,
      SEMANTEST_MASTER_KEY: randomBytes(32).toString('hex'),
      // The checks ask as fast as they can; the limits have tests of their own.
      SEMANTEST_LIMITS__ENFORCE: 'never',
      SEMANTEST_STORAGE__DATA_DIR: join(this.folder, 'data'),
      SEMANTEST_EGRESS__WEBHOOKS__ALLOW: '["127.0.0.0/8"]',
      ...settings,
    };
  }

  /** Runs a command of the binary to its end and answers with what it printed. */
  async command(...args) {
    const { stdout } = await promisify(execFile)(binary, args, { env: this.environment });
    return stdout.trim();
  }

  /** Starts a role and waits until it says that it is ready. */
  async start(name, ...args) {
    const [port, opsPort] = [await freePort(), await freePort()];
    const log = join(this.folder, `${name}-${opsPort}.log`);
    const child = spawn(binary, args, {
      env: {
        ...this.environment,
        SEMANTEST_SERVER__LISTEN: `127.0.0.1:${port}`,
        SEMANTEST_SERVER__OPS_LISTEN: `127.0.0.1:${opsPort}`,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.pipe(createWriteStream(log));
    const role = { name, args, child, log, url: `http://127.0.0.1:${port}`, opsUrl: `http://127.0.0.1:${opsPort}` };
    role.ended = new Promise((resolve) => child.once('exit', resolve));
    this.processes.add(role);
    await until(`${name} to be ready`, async () => {
      if (child.exitCode !== null) assert.fail(`${name} ended at once:\n${readFileSync(log, 'utf8').slice(-2000)}`);
      return fetch(`${role.opsUrl}/readyz`).then((answer) => answer.ok, () => false);
    });
    return role;
  }

  /** Ends one role by `signal` and waits until it is gone. */
  async stop(role, signal = 'SIGTERM') {
    this.processes.delete(role);
    role.child.kill(signal);
    await role.ended;
  }

  /** Ends everything and removes the folder. */
  async close() {
    await Promise.all([...this.processes].map((role) => this.stop(role)));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
