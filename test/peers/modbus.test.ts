import { execFileSync, spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus } from '../../src/devices/modbusBus.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import {
  freePort,
  pymodbusServer,
  requireProgram,
  requirePymodbus,
  startPeer,
} from './modbusPeers.ts';
import { eventually } from '../support/eventually.ts';

// Other people's Modbus on the other end: pymodbus serves what our bus reads, mbpoll reads what our
// simulated world serves.

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop();
});

async function busOnPymodbus(): Promise<Bus> {
  const port = await freePort();
  const peer = startPeer(requirePymodbus(), ['-c', pymodbusServer, 'tcp', String(port)]);
  running.push(peer.stop);
  const bus = openBus({
    address: { kind: 'tcp', host: '127.0.0.1', port },
    clock: systemBusClock(),
  });
  running.push(bus.close);
  // The server needs a second to come up; until then the bus backs off and tries again.
  await eventually(async () => expect(await bus.readCoil(101, 0)).toMatchObject({ ok: true }));
  return bus;
}

describe('pymodbus as the meter', () => {
  test('its SDM630 floats become exact Wh and W', async () => {
    const bus = await busOnPymodbus();
    const channels = ['1.8.0', '2.8.0', '16.7.0', '32.7.0'] as const;
    const read = await bus.read({ unitId: 1, mapName: 'sdm630', channels });
    const values = read.ok ? read.value.map((one) => [one.channel, one.valueInUnit]) : read;
    expect(values).toEqual([
      ['32.7.0', 231_500n],
      ['16.7.0', 1_235n], // 1234.5, halves away from zero
      ['1.8.0', 98_765_430n], // the nearest binary32 is 98765.4296875 kWh
      ['2.8.0', 12_250n],
    ]);
  });

  test('its coil is written, and reads back', async () => {
    const bus = await busOnPymodbus();
    expect(await bus.writeCoil(101, 0, false)).toMatchObject({ ok: true });
    expect(await bus.readCoil(101, 0)).toMatchObject({ ok: true, value: { on: false } });
    expect(await bus.writeCoil(101, 0, true)).toMatchObject({ ok: true });
    expect(await bus.readCoil(101, 0)).toMatchObject({ ok: true, value: { on: true } });
  });

  test('a register that it does not have is refused as an exception', async () => {
    const bus = await busOnPymodbus();
    const read = await bus.read({ unitId: 1, mapName: 'iem3000', channels: ['1.8.0'] });
    expect(read).toMatchObject({ ok: false, code: 'DEVICE_EXCEPTION' });
  });
});

describe('mbpoll as the client', () => {
  async function world() {
    const started = await startMeterWorld({
      meters: 3,
      metersPerBus: 3,
      seed: 1,
      clock: systemBusClock(),
      timeScale: 1,
      loadShape: 'driven',
    });
    running.push(started.close);
    for (const unitId of [1, 2, 3]) {
      started.setRegisterWh(0, unitId, 7_654_321n);
      started.setPowerW(0, unitId, 1_500);
    }
    return started;
  }

  /** mbpoll counts references from 1 unless told with -0, and prints `[address]: value`. */
  async function mbpoll(port: number, args: readonly string[]): Promise<string> {
    const command = requireProgram('mbpoll');
    const all = ['-m', 'tcp', '-p', String(port), '-0', '-1', '-q', ...args];
    return new Promise((resolve) => {
      const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
      let printed = '';
      child.stdout.on('data', (chunk) => (printed += String(chunk)));
      child.stderr.on('data', (chunk) => (printed += String(chunk)));
      child.once('close', () => resolve(printed));
    });
  }

  test('reads float32 kWh of the SDM630, high word first', async () => {
    const port = (await world()).buses[0]?.port ?? 0;
    const args = ['-a', '1', '-r', '72', '-c', '1', '-t', '3:float', '-B', '127.0.0.1'];
    expect(await mbpoll(port, args)).toMatch(/\[72\]:\s+7654\.32/);
  });

  test('reads the INT64 Wh of the iEM3000 as four words', async () => {
    const port = (await world()).buses[0]?.port ?? 0;
    // 7,654,321 = 0x0074CBB1
    const args = ['-a', '2', '-r', '3203', '-c', '4', '-t', '4:hex', '127.0.0.1'];
    const words = [...(await mbpoll(port, args)).matchAll(/\]:\s+0x([0-9A-F]{4})/g)];
    expect(words.map((word) => word[1])).toEqual(['0000', '0000', '0074', 'CBB1']);
  });

  test('reads int32 of 0.1 kWh of the EM24, low word first', async () => {
    const port = (await world()).buses[0]?.port ?? 0;
    const args = ['-a', '3', '-r', '52', '-c', '1', '-t', '4:int', '127.0.0.1'];
    expect(await mbpoll(port, args)).toMatch(/\[52\]:\s+76543\b/);
  });

  test('switches the contactor', async () => {
    const started = await world();
    const port = started.buses[0]?.port ?? 0;
    await mbpoll(port, ['-a', '101', '-r', '0', '-t', '0', '127.0.0.1', '0']);
    expect(started.isSupplyClosed(0, 1)).toBe(false);
    expect(await mbpoll(port, ['-a', '101', '-r', '0', '-t', '0', '127.0.0.1'])).toMatch(
      /\[0\]:\s+0/,
    );
  });
});

test('the peers are those of the machine, not of this repository', () => {
  const version = execFileSync(requirePymodbus(), [
    '-c',
    'import pymodbus; print(pymodbus.__file__)',
  ]);
  expect(String(version)).not.toContain(process.cwd());
});
