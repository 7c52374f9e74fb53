import { once } from 'node:events';
import { request as httpRequest } from 'node:http';

import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchBytesMax } from '../../src/domain/limits.ts';
import type { HttpIntake, HttpIntakeOptions } from '../../src/ingest/httpIntake.ts';
import type { Intake } from '../../src/ingest/intake.ts';
import { testEdge } from '../support/build/edge.ts';
import { makeBatch } from '../support/build/chainMaker.ts';
import { openIntakeGround, readReceipt, receiptKey, refusedConnection } from './intakeGround.ts';
import type { IntakeGround } from './intakeGround.ts';
import { eventually } from '../support/eventually.ts';

let ground: IntakeGround;
let intake: Intake;
let http: HttpIntake;

function listen(options: Partial<HttpIntakeOptions> = {}): Promise<HttpIntake> {
  return ground.listen({ intake, ...options });
}

beforeAll(async () => {
  ground = await openIntakeGround('http_intake');
  intake = ground.intake();
  http = await listen();
});
afterAll(() => ground.close());

const protobuf = { 'content-type': 'application/x-protobuf' };

function post(
  body: Uint8Array | string,
  headers: Record<string, string> = protobuf,
  url = http.url,
): Promise<Response> {
  return fetch(`${url}/v1/batches`, { method: 'POST', body: Buffer.from(body), headers });
}

async function problemOf(response: Response): Promise<unknown> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return response.json();
}

describe('one batch a request', () => {
  test('answers with a signed receipt after the commit; sent again, it counts once', async () => {
    const [first, second] = ground.chain(2);
    const response = await post(first.carried);
    expect(response.status).toBe(200);
    const receipt = readReceipt(await response.bytes());
    expect(receipt).toMatchObject({ state: 'committed', sequence: 1n, contiguous: 1n });
    expect(Buffer.from(receipt.hash).toString('hex')).toBe(Buffer.from(first.hash).toString('hex'));
    const again = readReceipt(await (await post(first.carried)).bytes());
    expect(again).toMatchObject({ state: 'duplicate', position: receipt.position });
    expect(readReceipt(await (await post(second.carried)).bytes())).toMatchObject({
      state: 'committed',
      contiguous: 2n,
    });
  });

  test('asks for what is missing', async () => {
    const chain = ground.chain(4);
    await post(chain[0].carried);
    const receipt = readReceipt(await (await post(chain[3].carried)).bytes());
    expect(receipt).toMatchObject({ contiguous: 1n, missing: [{ from: 2n, to: 3n }] });
  });

  test('a refusal is a problem with its code, and a signed receipt where it can be', async () => {
    const [first] = ground.chain(1);
    await post(first.carried);
    const other = makeBatch(ground.fleet.edge, {
      edgeId: ground.fleet.edgeId,
      epoch: readReceipt(await (await post(first.carried)).bytes()).epoch,
      createdAtMs: Date.UTC(2026, 1, 1),
    });
    const reused = await post(other.carried);
    expect(reused.status).toBe(409);
    const body = await problemOf(reused);
    expect(body).toMatchObject({ code: 'BATCH_SEQUENCE_REUSED', status: 409 });
    const { receipt } = Object(body);
    expect(readReceipt(Buffer.from(String(receipt), 'base64'))).toMatchObject({
      state: 'refused',
      code: 'BATCH_SEQUENCE_REUSED',
      sequence: 1n,
    });
    const stranger = await post(makeBatch(testEdge(), { edgeId: 1 }).carried);
    expect(stranger.status).toBe(401);
    expect(await problemOf(stranger)).toMatchObject({ code: 'BATCH_KEY_UNKNOWN' });
  });

  test('corruption says EMS.E12 (000.39)', async () => {
    const response = await post(Uint8Array.of(1, 2, 3));
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({
      code: 'BATCH_MALFORMED',
      emsCode: 'EMS.E12',
    });
    const noJson = await post('{"keyId":NaN}', { 'content-type': 'application/json' });
    expect(await problemOf(noJson)).toMatchObject({ code: 'BATCH_MALFORMED', emsCode: 'EMS.E12' });
  });

  test('what was committed is not told as refused, whatever its content type says', async () => {
    const [batch] = ground.chain(1);
    const response = await post(batch.carried, { 'content-type': 'application/json' });
    expect(response.status).toBe(200);
    const envelope: unknown = await response.json();
    const told: unknown = JSON.parse(String(Object(envelope).receipt));
    expect(told).toMatchObject({ state: 'committed', sequence: 1 });
  });

  test('a body beyond the limit is not kept, and the sender hears why', async () => {
    const response = await post(new Uint8Array(3 * batchBytesMax).fill(7));
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toMatchObject({ code: 'BATCH_TOO_LARGE' });
    const [row] = await ground.database.sql`
      select length(carried) as bytes from batch_quarantine where code = 'BATCH_TOO_LARGE'`;
    expect(row).toEqual({ bytes: 0 });
  });

  test('a JSON envelope may be longer than a batch by its escapes, twice at most', async () => {
    const json = { 'content-type': 'application/json' };
    const envelope = (quotes: number) =>
      JSON.stringify({
        keyId: '00'.repeat(16),
        signature: Buffer.alloc(64).toString('base64'),
        batch: '"'.repeat(quotes),
      });
    // Two bytes a quote. It was opened, and its key looked for.
    const within = await post(envelope(0.6 * batchBytesMax), json);
    expect(await problemOf(within)).toMatchObject({ code: 'BATCH_KEY_UNKNOWN' });
    const beyond = await post(envelope(1.1 * batchBytesMax), json);
    expect(beyond.status).toBe(413);
    expect(await problemOf(beyond)).toMatchObject({ code: 'BATCH_TOO_LARGE' });
  });

  test.each([
    ['/v1/batches', 'GET', 405, 'METHOD_NOT_ALLOWED'],
    ['/v1/other', 'POST', 404, 'PATH_UNKNOWN'],
    ['/v1/batches', 'POST', 415, 'BATCH_TYPE_UNKNOWN'],
  ])('%s by %s is answered with %i', async (path, method, status, code) => {
    const response = await fetch(http.url + path, { method });
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ code });
  });

  test.each(['application/x-protobuf', 'application/json', 'application/vnd.joulebook.batches'])(
    'a %s body that HTTP compressed is refused and told what is taken; one as it is, is not',
    async (type) => {
      const [batch] = ground.chain(1);
      const headers = { 'content-type': type };
      const packed = await post(gzipSync(batch.carried), {
        ...headers,
        'content-encoding': 'gzip',
      });
      expect(packed.status).toBe(415);
      expect(packed.headers.get('accept-encoding')).toBe('identity');
      expect(await problemOf(packed)).toMatchObject({ code: 'BATCH_ENCODING_UNKNOWN' });
      const plain = await post(batch.carried, { ...protobuf, 'content-encoding': 'identity' });
      expect(plain.status).toBe(200);
    },
  );

  test('the key of the receipts and the health are told', async () => {
    const key: unknown = await (await fetch(`${http.url}/v1/receipt-key`)).json();
    expect(key).toEqual({
      keyId: Buffer.from(receiptKey.keyId).toString('hex'),
      publicKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const health = await fetch(`${http.url}/v1/health`);
    expect([health.status, await health.json()]).toEqual([200, { state: 'ready', batches: 0 }]);
  });
});

describe('senders that stop half-way', () => {
  test('a head that does not end is not waited for', async () => {
    const slow = await listen({ headMs: 200 });
    const { port } = new URL(slow.url);
    const socket = connectSocket(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /v1/batches HTTP/1.1\r\nhost: x\r\n');
    socket.resume();
    const closed = once(socket, 'close');
    await expect(closed).resolves.toBeDefined();
  });

  test('a body that does not end is answered 408', async () => {
    const slow = await listen({ bodyMs: 100 });
    const request = httpRequest(`${slow.url}/v1/batches`, {
      method: 'POST',
      headers: { ...protobuf, 'content-length': '1000' },
    });
    request.on('error', () => {});
    request.write(Buffer.alloc(10));
    const statuses: unknown[] = [];
    request.on('response', ({ statusCode }) => statuses.push(statusCode));
    await once(request, 'response');
    expect(statuses).toEqual([408]);
    request.destroy();
  });

  test('a body that is cut off is no batch', async () => {
    const before = await ground.database.sql`select count(*) from batch_quarantine`;
    const request = httpRequest(`${http.url}/v1/batches`, {
      method: 'POST',
      headers: { ...protobuf, 'content-length': '1000' },
    });
    request.on('error', () => {});
    request.write(Buffer.alloc(10));
    await eventually(() => expect(request.socket?.bytesWritten).toBeGreaterThan(100));
    request.destroy();
    const [next] = ground.chain(1);
    expect((await post(next.carried)).status).toBe(200);
    expect(await ground.database.sql`select count(*) from batch_quarantine`).toEqual(before);
  });
});

describe('back-pressure', () => {
  test('a sender that has its share of the queue is told to come back', async () => {
    // Of four places one sender may hold as many as it leaves free for others.
    let isDown = true;
    const narrow = ground.intake({
      limits: { batchesMax: 4, commitsAtOnceMax: 1 },
      commit: (carried) => (isDown ? Promise.reject(refusedConnection) : ground.commit(carried)),
    });
    const { url } = await listen({ intake: narrow, answerMs: 50 });
    const chain = ground.chain(4);
    const first = await post(chain[0].carried, protobuf, url);
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await problemOf(first)).toMatchObject({ code: 'BATCH_NOT_COMMITTED' });
    await post(chain[1].carried, protobuf, url);
    const third = await post(chain[2].carried, protobuf, url);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await problemOf(third)).toMatchObject({ code: 'INTAKE_FULL' });
    expect((await fetch(`${url}/v1/health`)).status).toBe(503);
    expect(narrow.stats()).toMatchObject({ batches: 2 });
    isDown = false;
    await eventually(async () => {
      const states = [];
      for (const { carried } of chain) {
        const response = await post(carried, protobuf, url);
        states.push(response.status === 200 ? readReceipt(await response.bytes()).state : 'later');
      }
      expect(states).toEqual(Array.from({ length: 4 }, () => 'duplicate'));
    });
  });
});
