// What publishers and clients do to addons, over REST and the command line.

import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { api, binary, finished } from './platform.mjs';

/** A folder that goes with the test. */
export function folderOf(test) {
  const folder = mkdtempSync(join(tmpdir(), 'semantest-addons-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Packs a component with a manifest whose version is `version`, and answers with file and bytes. */
export async function packed(folder, component, manifest, version) {
  const toml = readFileSync(manifest, 'utf8').replace(/^version = .*$/m, `version = "${version}"`);
  const [input, file] = [join(folder, `${version}.toml`), join(folder, `${version}.wasm`)];
  writeFileSync(input, toml);
  await promisify(execFile)(binary, ['addon', 'pack', component, '--manifest', input, '-o', file]);
  return { file, bytes: readFileSync(file) };
}

/** Runs `semantest addon publish` and answers with the JSON that it prints. */
export async function publishByCommand(words, { url, key }) {
  const { stdout } = await promisify(execFile)(binary, ['addon', 'publish', ...words, '--json'], {
    env: { PATH: process.env.PATH, SEMANTEST_SERVER: url, SEMANTEST_KEY: key },
  });
  return JSON.parse(stdout);
}

/** Sends a request that makes a job, waits for its end, and says its steps. */
export async function done(test, what, method, path, options) {
  const answer = await api(method, path, options);
  assert.ok([200, 202].includes(answer.status), `${what}: ${answer.status} ${answer.text}`);
  const job = answer.json.jobId ? await finished(answer.json.jobId, { url: options.url, key: options.key }) : answer.json;
  saySteps(test, what, job);
  return job;
}

/** Writes a job's steps into the test's report. */
export function saySteps(test, what, job) {
  const steps = (job.steps ?? []).map((step) => {
    const evidence = step.code ?? (step.detail?.from ? `from ${step.detail.from}` : '');
    return `${step.name} ${step.status} ${step.durationMs ?? '-'} ms ${evidence}`.trim();
  });
  test.diagnostic(`${what}: ${job.status ?? 'no job'}${job.error ? ` ${job.error.code}: ${job.error.message}` : ''}`);
  for (const step of steps) test.diagnostic(`    ${step}`);
}
