#!/usr/bin/env node
// A webhook receiver with nothing but Node: verifies each delivery as Standard
// Webhooks says (https://www.standardwebhooks.com) and prints what arrived.
//
//   WEBHOOK_SECRET=whsec_… node examples/webhook-receiver/receiver.mjs [--listen 127.0.0.1:9797] [--once]
//
// --once ends it after the first delivery that is genuine and not seen before.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/** Oldest and newest acceptable timestamp, in seconds from now: an old delivery may be a replayed one. */
const TOLERANCE_SECONDS = 300;
/** Largest body read, in bytes. Semantest sends less than 20 kB. */
const MAX_BODY_BYTES = 64 * 1024;

/** Whether one of the signatures (there are two while a secret is rotated) is made with our secret. */
export function isGenuine(secret, headers, body, now = Date.now() / 1000) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (!id || !timestamp || !(Math.abs(now - Number(timestamp)) <= TOLERANCE_SECONDS)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  return String(headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const [version, encoded] = signature.split(',');
    const given = Buffer.from(encoded ?? '', 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function bodyOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BODY_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function main() {
  const { values } = parseArgs({
    options: { listen: { type: 'string', default: '127.0.0.1:9797' }, once: { type: 'boolean', default: false } },
  });
  const secret = process.env.WEBHOOK_SECRET;
  if (!secret) {
    console.error('receiver: set WEBHOOK_SECRET to the whsec_… secret that Semantest signs with');
    process.exit(2);
  }
  const [host, port] = values.listen.split(':');
  // A delivery is repeated until it is answered with 2xx, so the same id may arrive twice.
  const seen = new Set();

  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const genuine = body !== null && isGenuine(secret, request.headers, body);
    response.writeHead(genuine ? 204 : 401).end();
    if (!genuine) {
      console.log('refused: the signature or the timestamp is wrong');
      return;
    }
    const id = request.headers['webhook-id'];
    if (seen.has(id)) return;
    seen.add(id);
    const event = JSON.parse(body.toString('utf8'));
    console.log(`verified ${event.type} ${event.data.jobId ?? ''} (${id})`);
    console.log(JSON.stringify(event, null, 2));
    if (values.once) {
      server.close();
      server.closeAllConnections();
    }
  });
  server.listen(Number(port), host, () => {
    const address = server.address();
    console.log(`listening on http://${address.address}:${address.port}/`);
  });
}

if (import.meta.url === new URL(process.argv[1] ?? '', 'file:').href) main();
