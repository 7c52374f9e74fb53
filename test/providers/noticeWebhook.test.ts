import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNoticeWebhook, readNoticeSecret } from '../../src/providers/noticeWebhook.ts';

const secret = 'a-secret-of-the-gateway';
const atMs = Date.UTC(2026, 2, 1, 12);
const message = {
  id: '0d2c6f4e-0000-8000-8000-000000000001',
  companyId: 1,
  accountId: 7,
  kind: 'low_days',
  threshold: '3',
  detail: { balance: '9.30' },
  atMs,
} as const;

/** A gateway that answers as it is told, and keeps what it heard. */
async function gateway(status: number, answer: string) {
  const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end(answer);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  const url = `http://127.0.0.1:${address.port}/notices`;
  return { heard, url, sender: createNoticeWebhook({ url, secret, nowMs: () => atMs }) };
}

describe('notices by a gateway (002.20)', () => {
  test('are signed with their time, and hold no name', async () => {
    const { sender, heard } = await gateway(202, '{"id":"sms-1"}');
    expect(await sender.send(message)).toEqual({ state: 'sent', detail: 'sms-1' });
    const [request] = heard;
    const signature = createHmac('sha256', secret)
      .update(`1772366400.${request?.body}`)
      .digest('hex');
    expect(request?.headers).toMatchObject({
      'joulebook-timestamp': '1772366400',
      'joulebook-signature': `v1=${signature}`,
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id: message.id,
      companyId: 1,
      accountId: 7,
      kind: 'low_days',
      threshold: '3',
      detail: { balance: '9.30' },
      at: '2026-03-01T12:00:00.000Z',
    });
  });

  test.each<[string, number, string, object]>([
    ['a word that it arrived', 200, '{"state":"delivered","id":"m"}', { state: 'delivered' }],
    ['an empty answer', 204, '', { state: 'sent' }],
    ['a gateway in trouble', 503, 'try later', { state: 'failed', detail: 'HTTP 503' }],
    ['an answer of another kind', 200, '{"state":"maybe"}', { state: 'failed' }],
    ['an answer that is no JSON', 200, '<html>', { state: 'failed', detail: 'SyntaxError' }],
    ['a redirection', 302, '', { state: 'failed' }],
  ])('%s', async (_, status, answer, expected) => {
    const { sender } = await gateway(status, answer);
    expect(await sender.send(message)).toMatchObject(expected);
  });

  test('an answer without an end is read no further than an answer goes', async () => {
    let sentBytes = 0;
    const server = createServer((request, response) => {
      request.resume();
      const chunk = Buffer.alloc(65_536, 0x20);
      const go = () => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
      };
      response.writeHead(200).on('drain', go);
      go();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on a port');
    const url = `http://127.0.0.1:${address.port}/`;
    const sender = createNoticeWebhook({ url, secret, nowMs: () => atMs });
    expect(await sender.send(message)).toEqual({ state: 'failed', detail: 'answer too long' });
    expect(sentBytes).toBeLessThan(64 * 1_048_576);
  });

  test('nobody there is a failure, not an error', async () => {
    const sender = createNoticeWebhook({ url: 'http://127.0.0.1:1/', secret, nowMs: () => atMs });
    expect(await sender.send(message)).toMatchObject({ state: 'failed' });
  });

  test('a secret that others can read is refused', () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'notice-')), 'secret');
    expect(readNoticeSecret(file)).toMatchObject({ ok: false, code: 'NOTICE_SECRET_MISSING' });
    writeFileSync(file, `${secret}\n`);
    chmodSync(file, 0o644);
    expect(readNoticeSecret(file)).toMatchObject({ ok: false, code: 'NOTICE_SECRET_EXPOSED' });
    chmodSync(file, 0o600);
    expect(readNoticeSecret(file)).toEqual({ ok: true, value: secret });
  });
});
