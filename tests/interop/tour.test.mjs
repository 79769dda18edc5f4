// The README's tour, run as printed.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

import { ready, root } from './platform.mjs';

test('the tour of README.md works as printed', async () => {
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
  for (const expected of [/"state":\s*"enabled"/, /PNG image data|\bpng\b/i, /verified job\.completed/, /hello Ada/]) {
    assert.match(output, expected, output);
  }
});
