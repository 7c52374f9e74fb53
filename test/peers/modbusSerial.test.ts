import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import modbusSerial from 'modbus-serial';
import { SerialPort } from 'serialport';
import { afterEach, expect, test } from 'vitest';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { crc16 } from '../../src/devices/crc16.ts';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus } from '../../src/devices/modbusBus.ts';
import { pymodbusServer, requireProgram, requirePymodbus, startPeer } from './modbusPeers.ts';
import { eventually } from '../support/eventually.ts';

// Modbus RTU over a pair of pseudo-terminals made by socat (they ignore baud rate and parity).

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop();
});

async function serialLine(): Promise<{ ours: string; theirs: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'joulebook-rtu-'));
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  const peer = startPeer(requireProgram('socat'), [
    `pty,raw,echo=0,link=${ours}`,
    `pty,raw,echo=0,link=${theirs}`,
  ]);
  running.push(async () => {
    await peer.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(() => expect(existsSync(ours) && existsSync(theirs)).toBe(true));
  return { ours, theirs };
}

function busOn(path: string, responseMsMax?: number, clock = systemBusClock()): Bus {
  const bus = openBus({
    address: { kind: 'rtu', path, baudRate: 19_200, parity: 'none' },
    clock,
    ...(responseMsMax === undefined ? {} : { responseMsMax }),
  });
  running.push(bus.close);
  return bus;
}

/** A serial unit 1 in bytes: two float32 registers, answered after as long as it is told. */
async function startSlowUnit(path: string) {
  const port = new SerialPort({ path, baudRate: 19_200, autoOpen: false });
  await new Promise<void>((resolve) => port.open(() => resolve()));
  running.push(() => new Promise((resolve) => port.close(() => resolve())));
  const unit = { delayMs: 0, requests: 0, importWords: 0x4680_0000 }; // 16384 kWh
  port.on('data', (request: Buffer) => {
    unit.requests += 1;
    const address = request.readUInt16BE(2);
    const words: Record<number, number> = {
      0x34: 0x4496_0000, // 1200 W
      0x46: 0x4248_0000, // 50 Hz
      0x48: unit.importWords,
    };
    const body = Buffer.from([1, 4, 4, 0, 0, 0, 0]);
    body.writeUInt32BE(words[address] ?? 0, 3);
    const crc = Buffer.alloc(2);
    crc.writeUInt16LE(crc16(body));
    const answer = Buffer.concat([body, crc]);
    // Two pieces, as serial drivers hand them over.
    const answerInPieces = () => {
      port.write(answer.subarray(0, 4));
      port.write(answer.subarray(4));
    };
    setTimeout(answerInPieces, unit.delayMs);
  });
  return unit;
}

test('pymodbus on a serial line is read and switched', async () => {
  const { ours, theirs } = await serialLine();
  const peer = startPeer(requirePymodbus(), ['-c', pymodbusServer, 'rtu', theirs]);
  running.push(peer.stop);
  const bus = busOn(ours);
  await eventually(async () => expect(await bus.readCoil(101, 0)).toMatchObject({ ok: true }));
  const channels = ['1.8.0', '2.8.0', '16.7.0'] as const;
  const read = await bus.read({ unitId: 1, mapName: 'sdm630', channels });
  const values = read.ok ? read.value.map((one) => [one.channel, one.valueInUnit]) : read;
  expect(values).toEqual([
    ['16.7.0', 1_235n],
    ['1.8.0', 98_765_430n],
    ['2.8.0', 12_250n],
  ]);
  expect(await bus.writeCoil(101, 0, false)).toMatchObject({ ok: true });
  expect(await bus.readCoil(101, 0)).toMatchObject({ value: { on: false } });
});

const responseMsMax = 150;
const energy = { unitId: 1, mapName: 'sdm630', channels: ['1.8.0'] } as const;
const power = { unitId: 1, mapName: 'sdm630', channels: ['16.7.0'] } as const;

test('a late energy answer is never taken as the power that was asked next', async () => {
  const { ours, theirs } = await serialLine();
  const unit = await startSlowUnit(theirs);
  // Its clock stands, so that the unit gets no time again when this machine is busy.
  const clock = { ...systemBusClock(), nowMs: () => Date.UTC(2026, 0, 1) };
  const bus = busOn(ours, responseMsMax, clock);
  expect(await bus.read(energy)).toMatchObject({ value: [{ valueInUnit: 16_384_000n }] });
  unit.delayMs = responseMsMax + 60;
  expect(await bus.read(energy)).toMatchObject({ code: 'DEVICE_TIMEOUT' });
  unit.delayMs = 0;
  expect(await bus.read(power)).toMatchObject({ value: [{ valueInUnit: 1_200n }] });
  expect(bus.stats().staleFrames).toBeGreaterThan(0);
});

test('an answer later than the quarantine is caught by the probe or the second read', async () => {
  const { ours, theirs } = await serialLine();
  const unit = await startSlowUnit(theirs);
  const bus = busOn(ours, responseMsMax);
  await bus.read(energy);
  // Comes while a later request is in flight: twice the response time and a little.
  unit.delayMs = 2 * responseMsMax + 20;
  const adopted: bigint[] = [];
  for (let round = 0; round < 3; round += 1) {
    const read = await bus.read(round % 2 === 0 ? energy : power);
    if (read.ok) adopted.push(...read.value.map((one) => one.valueInUnit));
  }
  expect(adopted).toEqual([]);
});

test('without these rules the late answer is adopted (the planted fault)', async () => {
  const { ours, theirs } = await serialLine();
  const unit = await startSlowUnit(theirs);
  const client = new modbusSerial.default();
  await client.connectRTUBuffered(ours, { baudRate: 19_200 });
  running.push(() => new Promise((resolve) => client.close(() => resolve())));
  client.setID(1);
  client.setTimeout(responseMsMax);
  unit.delayMs = responseMsMax + 60;
  await expect(client.readInputRegisters(0x48, 2)).rejects.toThrow('Timed out');
  const asPower = await client.readInputRegisters(0x34, 2);
  expect(asPower.data).toEqual([0x4680, 0x0000]); // the energy, as if it were the power
});

test('a bad CRC and noise before a frame do no harm', async () => {
  const { ours, theirs } = await serialLine();
  const port = new SerialPort({ path: theirs, baudRate: 19_200, autoOpen: false });
  await new Promise<void>((resolve) => port.open(() => resolve()));
  running.push(() => new Promise((resolve) => port.close(() => resolve())));
  // 230.2 V as in Eastron's document, and 50 Hz for the probe, with noise in front of the frames.
  const values: Record<number, number[]> = {
    0: [0x43, 0x66, 0x33, 0x34],
    0x46: [0x42, 0x48, 0, 0],
  };
  let turnsBitOver = false;
  port.on('data', (request: Buffer) => {
    const frame = Buffer.from([1, 4, 4, ...(values[request.readUInt16BE(2)] ?? [])]);
    const crc = Buffer.alloc(2);
    crc.writeUInt16LE(crc16(frame));
    if (turnsBitOver) frame.writeUInt8(0x67, 4);
    port.write(Buffer.concat([Buffer.from([0x00, 0xff]), frame, crc]));
  });
  const bus = busOn(ours, responseMsMax);
  const voltage = { unitId: 1, mapName: 'sdm630', channels: ['32.7.0'] } as const;
  expect(await bus.read(voltage)).toMatchObject({ value: [{ valueInUnit: 230_200n }] });
  turnsBitOver = true;
  expect(await bus.read(voltage)).toMatchObject({ code: 'DEVICE_GARBAGE' });
});

test('a serial port that is not there is refused as unreachable', async () => {
  const bus = busOn('/dev/joulebook-none');
  expect(await bus.read(energy)).toMatchObject({ code: 'BUS_UNREACHABLE' });
});
