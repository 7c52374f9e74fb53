import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchBytesMax } from '../../src/domain/limits.ts';
import { createFrameReader, frameOf } from '../../src/ingest/batchFrames.ts';
import { createArrivalRoom } from '../../src/ingest/httpBody.ts';
import type { HttpIntake, HttpIntakeOptions } from '../../src/ingest/httpIntake.ts';
import { serveBatchStream } from '../../src/ingest/httpStream.ts';
import type { Intake } from '../../src/ingest/intake.ts';
import { makeBatch } from '../support/build/chainMaker.ts';
import { testEdge } from '../support/build/edge.ts';
import { eventually } from '../support/eventually.ts';
import { openIntakeGround, readReceipt, receiptKey } from './intakeGround.ts';
import type { IntakeGround } from './intakeGround.ts';

let ground: IntakeGround;
let intake: Intake;
let http: HttpIntake;

function listen(options: Partial<HttpIntakeOptions> = {}): Promise<HttpIntake> {
  return ground.listen({ intake, ...options });
}

beforeAll(async () => {
  ground = await openIntakeGround('http_stream');
  intake = ground.intake();
  http = await listen();
});
afterAll(() => ground.close());

type Streaming = {
  readonly request: ClientRequest;
  readonly frames: Uint8Array[];
  readonly response: Promise<IncomingMessage>;
};

function openStream(url: string): Streaming {
  const request = httpRequest(`${url}/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.joulebook.batches' },
  });
  request.on('error', () => {});
  const frames: Uint8Array[] = [];
  const reader = createFrameReader();
  const response = once(request, 'response').then(([message]: IncomingMessage[]) => {
    message.on('data', (chunk: Buffer) => frames.push(...reader.push(chunk)));
    message.on('error', () => {});
    return message;
  });
  request.flushHeaders();
  return { request, frames, response };
}

describe('a stream of batches', () => {
  test('receipts come as batches are committed, while the request goes on', async () => {
    const chain = ground.chain(40);
    const { request, frames, response } = openStream(http.url);
    request.write(frameOf(chain[0].carried));
    await eventually(() => expect(frames.length).toBe(1));
    // Cut anywhere: frames do not end where chunks end.
    const rest = Buffer.concat(chain.slice(1).map(({ carried }) => frameOf(carried)));
    for (let at = 0; at < rest.length; at += 37) request.write(rest.subarray(at, at + 37));
    request.end();
    await once(await response, 'end');
    const sequences = frames.map((frame) => Number(readReceipt(frame).sequence));
    expect(sequences.toSorted((a, b) => a - b)).toEqual(chain.map((_, index) => index + 1));
  });

  test('a batch of nobody known gets a problem, and the next one its receipt', async () => {
    const [good] = ground.chain(1);
    const { request, frames, response } = openStream(http.url);
    request.write(frameOf(makeBatch(testEdge(), { edgeId: 1, epoch: 7 }).carried));
    request.end(frameOf(good.carried));
    await once(await response, 'end');
    const problems = frames.filter((frame) => frame[0] === 0x7b);
    expect(problems.map((frame) => JSON.parse(Buffer.from(frame).toString()))).toEqual([
      expect.objectContaining({
        code: 'BATCH_KEY_UNKNOWN',
        carriedSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      }),
    ]);
    const receipts = frames.filter((frame) => frame[0] !== 0x7b);
    expect(receipts.map((frame) => readReceipt(frame).state)).toEqual(['committed']);
  });

  test('a stream that cannot be told apart ends with a problem', async () => {
    const { request, frames, response } = openStream(http.url);
    request.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff));
    await once(await response, 'end');
    expect(JSON.parse(Buffer.from(frames[0]).toString())).toMatchObject({
      code: 'STREAM_MALFORMED',
    });
    request.destroy();
  });

  test('waiting for room is no slowness: a frame that does not arrive is cut off', async () => {
    const gate = Promise.withResolvers<void>();
    const narrow = ground.intake({
      limits: { laneBatchesMax: 1, commitsAtOnceMax: 1 },
      commit: async (carried) => {
        await gate.promise;
        return ground.commit(carried);
      },
    });
    const { url } = await listen({ intake: narrow, bodyMs: 50 });
    const [first, second] = ground.chain(2).map(({ carried }) => frameOf(carried));
    const waits = openStream(url);
    waits.request.write(Buffer.concat([first, second.subarray(0, 9)]));
    await eventually(() => expect(narrow.stats().batches).toBe(1));
    waits.request.write(second.subarray(9));
    await eventually(() => expect(narrow.stats().turnedAway).toBe(1));
    // Begun later, and cut off for its slowness: as long has the other one waited.
    const slow = openStream(url);
    slow.request.write(first.subarray(0, 9));
    await once(slow.request, 'close');
    gate.resolve();
    await eventually(() => expect(waits.frames.length).toBe(2));
    waits.request.end();
    await once(await waits.response, 'end');
    expect(waits.frames.map((frame) => readReceipt(frame).state)).toEqual([
      'committed',
      'committed',
    ]);
  });

  test('a client that reads its receipts slowly leaves no listener behind', async () => {
    const responses: ServerResponse[] = [];
    // Hardly anything is buffered: every receipt waits until the client has read.
    const server = createServer({ highWaterMark: 16 }, (request, response) => {
      responses.push(response);
      const room = createArrivalRoom(batchBytesMax);
      serveBatchStream({ intake, key: receiptKey, room }, request, response).catch(() => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on a port');
    const chain = ground.chain(30);
    const { request, frames } = openStream(`http://127.0.0.1:${address.port}`);
    await eventually(() => expect(responses.length).toBe(1));
    const before = responses[0].listenerCount('close');
    for (const [at, { carried }] of chain.entries()) {
      request.write(frameOf(carried));
      await eventually(() => expect(frames.length).toBe(at + 1));
    }
    await eventually(() => expect(responses[0].listenerCount('close')).toBe(before));
    request.destroy();
    server.close();
  });
});
