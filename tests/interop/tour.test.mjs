// The README's tour, run as printed.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ready, root } from './platform.mjs';

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

test('the tour of README.md works as printed', async () => {
  const picture = join(root, 'target', 'garden.png');
  rmSync(picture, { force: true });
  const child = spawn('examples/curl/tour.sh', {
    cwd: root,
    env: {
      ...process.env,
      URL: ready.url,
      KEY: ready.clientKey,
      PUBLISHER_KEY: ready.publisherKey,
      WEBHOOK_SECRET: ready.webhookSecret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (part) => { output += part; });
  child.stderr.on('data', (part) => { output += part; });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, output);
  for (const expected of [/"state":\s*"enabled"/, /verified job\.completed/, /hello Ada/]) {
    assert.match(output, expected, output);
  }
  assert.deepEqual(readFileSync(picture).subarray(0, PNG.length), PNG);
});
