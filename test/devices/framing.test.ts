import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus } from '../../src/devices/modbusBus.ts';
import { importOf } from './field.ts';

// A peer in bare bytes: what it sends is chosen by the test and not by our own server.

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop();
});

type Reply = (request: Buffer, socket: Socket) => Promise<void> | void;

async function busOn(reply: Reply): Promise<Bus> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (request) => {
      Promise.resolve(reply(request, socket)).catch(() => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const bus = openBus({
    address: { kind: 'tcp', host: '127.0.0.1', port },
    clock: systemBusClock(),
    gapMs: 0,
    responseMsMax: 150,
  });
  running.push(async () => {
    await bus.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return bus;
}

/** Four registers holding this number of Wh, under a transaction number. */
function answerFrame(transaction: number, unitId: number, energyWh: bigint): Buffer {
  const frame = Buffer.alloc(17);
  frame.writeUInt16BE(transaction, 0);
  frame.writeUInt16BE(11, 4); // unit, function, byte count, eight bytes
  frame.writeUInt8(unitId, 6);
  frame.writeUInt8(3, 7);
  frame.writeUInt8(8, 8);
  frame.writeBigInt64BE(energyWh, 9);
  return frame;
}

/** Lets the other end read what was written so far. */
const nextTurn = () => new Promise(setImmediate);

test('an answer is the same however its bytes are split, late frames in front or not', async () => {
  let pieces: readonly number[] = [];
  let staleInFront = 0;
  const bus = await busOn(async (request, socket) => {
    const transaction = request.readUInt16BE(0);
    const stale = Array.from({ length: staleInFront }, (_, index) =>
      answerFrame((transaction + 0xffff - index) & 0xffff, 1, 666n),
    );
    let bytes = Buffer.concat([...stale, answerFrame(transaction, 1, 1_234_567n)]);
    for (const length of pieces) {
      socket.write(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      await nextTurn();
    }
    socket.write(bytes);
  });
  const anyPieces = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(anyPieces, fc.integer({ min: 0, max: 2 }), async (lengths, stale) => {
      pieces = lengths;
      staleInFront = stale;
      const read = await bus.read(importOf(1));
      expect(read).toMatchObject({ ok: true, value: [{ valueInUnit: 1_234_567n }] });
    }),
    { numRuns: 60 },
  );
});

test('whatever bytes come back, the read is refused with a code and the bus lives on', async () => {
  let garbage: Buffer = Buffer.alloc(0);
  const bus = await busOn((request, socket) => {
    // The garbage wears the right transaction number every other time.
    if (garbage.length > 1 && garbage.readUInt8(0) % 2 === 0) {
      request.copy(garbage, 0, 0, Math.min(4, garbage.length));
    }
    socket.write(garbage);
  });
  const codes = new Set<string>();
  let unitId = 0;
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (bytes) => {
      garbage = Buffer.from(bytes);
      unitId = (unitId % 247) + 1; // another unit each time: the breakers stay out of it
      const read = await bus.read(importOf(unitId));
      expect(read.ok).toBe(false);
      if (!read.ok) codes.add(read.code);
    }),
    { numRuns: 20 },
  );
  expect([...codes].every((code) => code.startsWith('DEVICE_'))).toBe(true);
});

test('an answer from another unit, function or length is not taken', async () => {
  let spoil: (frame: Buffer) => Buffer = (frame) => frame;
  const bus = await busOn((request, socket) => {
    socket.write(spoil(answerFrame(request.readUInt16BE(0), request.readUInt8(6), 42n)));
  });
  expect(await bus.read(importOf(1))).toMatchObject({ value: [{ valueInUnit: 42n }] });
  const spoilers: [number, number][] = [
    [6, 99], // unit
    [7, 4], // function
  ];
  for (const [place, value] of spoilers) {
    spoil = (frame) => {
      frame.writeUInt8(value, place);
      return frame;
    };
    expect(await bus.read(importOf(2))).toMatchObject({ code: 'DEVICE_GARBAGE' });
  }
  spoil = (frame) => {
    frame.writeUInt16BE(9, 4);
    return frame.subarray(0, 15);
  };
  expect(await bus.read(importOf(3))).toMatchObject({ code: 'DEVICE_GARBAGE' });
});

test('a connection that the peer drops between two reads costs no read', async () => {
  let answersOnSocket = 0;
  const bus = await busOn((request, socket) => {
    answersOnSocket += 1;
    if (answersOnSocket === 2) {
      answersOnSocket = 0;
      socket.destroy(); // a server that closes what it thinks is idle, just as we write
    } else {
      socket.write(answerFrame(request.readUInt16BE(0), 1, 42n));
    }
  });
  for (let round = 0; round < 5; round += 1) {
    expect(await bus.read(importOf(1))).toMatchObject({ value: [{ valueInUnit: 42n }] });
  }
  expect(bus.stats().connects).toBe(5);
});

test('a process that stood still does not blame the device', async () => {
  let standsStill = false;
  const bus = await busOn((request, socket) => {
    const startMs = performance.now();
    // Client and server share this process: both stand still longer than the device's 150 ms.
    while (standsStill && performance.now() - startMs < 300);
    socket.write(answerFrame(request.readUInt16BE(0), 1, 42n));
  });
  await bus.read(importOf(1));
  standsStill = true;
  expect(await bus.read(importOf(1))).toMatchObject({ value: [{ valueInUnit: 42n }] });
  expect(bus.stats().failures.DEVICE_TIMEOUT + bus.stats().failures.DEVICE_GARBAGE).toBe(0);
});
