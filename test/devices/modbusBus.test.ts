import { createServer } from 'node:net';
import modbusSerial from 'modbus-serial';
import { afterEach, describe, expect, test } from 'vitest';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { MeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterFault } from '../../src/embedded/meterWorldServer.ts';
import { importOf, openField, pushedClock, responseMsMax } from './field.ts';
import type { Field } from './field.ts';
import { eventually } from '../support/eventually.ts';

// All bytes travel over real sockets; the meters are hand-driven INT64 Wh registers.

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function field(...options: Parameters<typeof openField>): Promise<Field> {
  const opened = await openField(...options);
  open.push(opened);
  for (const { unitId } of opened.world.buses[0]?.meters ?? []) {
    opened.world.setRegisterWh(0, unitId, BigInt(unitId) * 1_000_000n);
  }
  return opened;
}

function plainClient(world: MeterWorld) {
  const client = new modbusSerial.default();
  open.push({ close: () => new Promise((resolve) => client.close(() => resolve())) });
  return client.connectTCP('127.0.0.1', { port: world.buses[0]?.port ?? 0 }).then(() => client);
}

async function valueOf(bus: Field['bus'], unitId: number): Promise<bigint | string> {
  const read = await bus.read(importOf(unitId));
  return read.ok ? (read.value[0]?.valueInUnit ?? 'nothing') : read.code;
}

describe('a faulty meter', () => {
  const faults: [MeterFault, string][] = [
    [{ kind: 'silent' }, 'DEVICE_TIMEOUT'],
    // Later than the second time, which a process gets that stood still itself.
    [{ kind: 'late', delayMs: responseMsMax * 4 }, 'DEVICE_TIMEOUT'],
    [{ kind: 'garbage' }, 'DEVICE_GARBAGE'],
    [{ kind: 'closes' }, 'DEVICE_CLOSED'],
    [{ kind: 'exception', code: 4 }, 'DEVICE_EXCEPTION'],
    [{ kind: 'exception', code: 11 }, 'GATEWAY_EXCEPTION'],
  ];
  test.each(faults)('%o harms no other meter on its bus', async (fault, code) => {
    const { world, bus } = await field();
    world.setFault(0, 2, fault);
    for (let round = 0; round < 5; round += 1) {
      const values = await Promise.all([1, 2, 3, 4].map((unitId) => valueOf(bus, unitId)));
      expect([values[0], values[2], values[3]]).toEqual([1_000_000n, 3_000_000n, 4_000_000n]);
      expect([code, 'BREAKER_OPEN']).toContain(values[1]);
    }
  });

  test('is left alone after three failures, probed after its rest, and comes back', async () => {
    const { world, bus, clock } = await field();
    world.setFault(0, 2, { kind: 'silent' });
    const codes = [];
    for (let round = 0; round < 4; round += 1) codes.push(await valueOf(bus, 2));
    const timeout = 'DEVICE_TIMEOUT';
    expect(codes).toEqual([timeout, timeout, timeout, 'BREAKER_OPEN']);
    expect(bus.stats().breakersOpen).toEqual([2]);
    const requests = bus.stats().requests;
    expect(await valueOf(bus, 2)).toBe('BREAKER_OPEN');
    expect(bus.stats().requests).toBe(requests);
    clock.push(2_000);
    expect(await valueOf(bus, 2)).toBe(timeout);
    expect(await valueOf(bus, 2)).toBe('BREAKER_OPEN');
    world.setFault(0, 2, null);
    clock.push(60_000);
    expect(await valueOf(bus, 2)).toBe(2_000_000n);
    expect(bus.stats().breakersOpen).toEqual([]);
  });
});

describe('a late answer', () => {
  test('is never taken as the answer to the next request', async () => {
    // Its clock stands, so that the device gets no time again when this machine is busy.
    const clock = { ...pushedClock(), nowMs: () => Date.UTC(2026, 0, 1) };
    const { world, bus } = await field({}, { clock, responseMsMax: 400 });
    expect(await valueOf(bus, 1)).toBe(1_000_000n);
    world.setFault(0, 1, { kind: 'late', delayMs: 600 });
    expect(await valueOf(bus, 1)).toBe('DEVICE_TIMEOUT'); // 1,000,000 is on its way
    world.setFault(0, 1, null);
    world.setRegisterWh(0, 1, 1_000_500n);
    expect(await valueOf(bus, 1)).toBe(1_000_500n);
    expect(bus.stats().staleFrames).toBe(1);
    expect(bus.stats().quarantines).toBe(1);
  });

  test('carrying the next transaction number is not adopted for any channel', async () => {
    const { world, bus, clock } = await field();
    world.setPowerW(0, 1, 2_500);
    world.setFault(0, 1, { kind: 'stale' });
    const power = { unitId: 1, mapName: 'int64Wh', channels: ['16.7.0'] } as const;
    const adopted: bigint[] = [];
    for (let round = 0; round < 6; round += 1) {
      const read = await bus.read(round % 2 === 0 ? power : importOf(1));
      if (read.ok) adopted.push(...read.value.map((one) => one.valueInUnit));
      clock.push(61_000);
    }
    expect(adopted).toEqual([]);
  });

  test('would be adopted by a client without these rules', async () => {
    // The planted fault: the same meter read with modbus-serial alone.
    const { world } = await field();
    const client = await plainClient(world);
    client.setID(1);
    client.setTimeout(responseMsMax);
    await client.readHoldingRegisters(0, 4); // 1,000,000 Wh = 0xF4240
    world.setFault(0, 1, { kind: 'stale' });
    await expect(client.readHoldingRegisters(0, 4)).rejects.toThrow('Timed out');
    const exported = await client.readHoldingRegisters(4, 4); // the export register holds 0
    expect(exported.data).toEqual([0, 0, 0xf, 0x4240]);
  });

  test('leaves the whole bus in doubt until each meter has answered twice alike', async () => {
    const { world, bus } = await field();
    expect(await valueOf(bus, 3)).toBe(3_000_000n);
    expect(bus.stats().confirmations).toBe(0);
    world.setFault(0, 2, { kind: 'silent' });
    expect(await valueOf(bus, 2)).toBe('DEVICE_TIMEOUT');
    expect(await valueOf(bus, 3)).toBe(3_000_000n);
    expect(bus.stats().confirmations).toBe(1);
    expect(await valueOf(bus, 3)).toBe(3_000_000n);
    expect(bus.stats().confirmations).toBe(1);
  });

  test('a register that contradicts itself after doubt is not adopted', async () => {
    const { world, bus } = await field();
    world.setFault(0, 2, { kind: 'silent' });
    await valueOf(bus, 2);
    // Moves by 10 MWh whenever the bus has sent another request: no load does that.
    let seen = bus.stats().requests;
    let registerWh = 1_000_000n;
    let done = false;
    async function leap() {
      while (!done) {
        const { requests } = bus.stats();
        if (requests !== seen) {
          seen = requests;
          registerWh += 10_000_000n;
          world.setRegisterWh(0, 1, registerWh);
        }
        await new Promise(setImmediate);
      }
    }
    const leaping = leap();
    const read = await bus.read(importOf(1));
    done = true;
    await leaping;
    expect(read).toMatchObject({ code: 'READS_DISAGREE' });
    expect(bus.stats().disagreements).toBe(2);
  });
});

describe('the connection', () => {
  test('a peer that closes settles the read at once, not at its time-out', async () => {
    const { world, bus } = await field({}, { responseMsMax: 5_000 });
    world.setFault(0, 1, { kind: 'closes' });
    expect(await valueOf(bus, 1)).toBe('DEVICE_CLOSED');
  });

  test('comes back by itself when the bus does', async () => {
    const first = await field();
    expect(await valueOf(first.bus, 1)).toBe(1_000_000n);
    const port = first.world.buses[0]?.port ?? 0;
    await first.world.close();
    for (let round = 0; round < 5; round += 1) {
      expect(['DEVICE_CLOSED', 'BUS_UNREACHABLE']).toContain(await valueOf(first.bus, 1));
      first.clock.push(60_000);
    }
    const again = await field({ ports: { first: port } });
    expect(await valueOf(first.bus, 1)).toBe(1_000_000n);
    expect(again.world.buses[0]?.port).toBe(port);
  });

  test('a bus that nobody serves is refused and blames no meter', async () => {
    const clock = pushedClock();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const bus = openBus({ address: { kind: 'tcp', host: '127.0.0.1', port }, clock });
    open.push(bus);
    for (let round = 0; round < 6; round += 1) {
      expect(await bus.read(importOf(1))).toMatchObject({ code: 'BUS_UNREACHABLE' });
      clock.push(60_000);
    }
    expect(bus.stats().breakersOpen).toEqual([]);
  });

  test('closing the bus settles everything and leaves no timer or socket', async () => {
    const { world, bus } = await field({}, { responseMsMax: 10_000 });
    world.setFault(0, 1, { kind: 'silent' });
    const reads = [1, 2, 3].map((unitId) => bus.read(importOf(unitId)));
    await eventually(() => expect(bus.stats().requests).toBe(1));
    await bus.close();
    for (const read of await Promise.all(reads)) expect(read).toMatchObject({ code: 'BUS_CLOSED' });
    expect(await bus.read(importOf(1))).toMatchObject({ code: 'BUS_CLOSED' });
    expect(bus.stats().connected).toBe(false);
    await world.close();
    await eventually(() => {
      const busy = process.getActiveResourcesInfo().filter((one) => one === 'TCPSocketWrap');
      expect(busy).toEqual([]);
    });
  });
});

describe('the queue', () => {
  test('commands go ahead of waiting reads', async () => {
    const { bus } = await field();
    const order: string[] = [];
    const reads = [1, 2, 3, 4].map((unitId) =>
      bus.read(importOf(unitId)).then(() => order.push(`read ${unitId}`)),
    );
    const command = bus.writeCoil(101, 0, false).then(() => order.push('command'));
    await Promise.all([...reads, command]);
    expect(order).toEqual(['read 1', 'command', 'read 2', 'read 3', 'read 4']);
  });

  test('is bounded, and what does not fit is refused', async () => {
    const { world, bus } = await field({}, { responseMsMax: 10_000 });
    world.setFault(0, 1, { kind: 'silent' });
    // One in flight and 512 waiting.
    const reads = Array.from({ length: 513 }, () => bus.read(importOf(1)));
    expect(await bus.read(importOf(1))).toMatchObject({ code: 'BUS_BUSY' });
    await bus.close();
    await Promise.all(reads);
  });

  test('what waits beyond its time is refused without touching the line', async () => {
    const { world, bus, clock } = await field();
    world.setFault(0, 1, { kind: 'silent' });
    const first = bus.read(importOf(1));
    const second = bus.read(importOf(2));
    clock.push(20_000);
    expect(await first).toMatchObject({ ok: false });
    expect(await second).toMatchObject({ code: 'BUS_BUSY' });
  });

  test('only one request is ever on the line', async () => {
    const { world, bus } = await field({ meters: 10 });
    for (let unitId = 1; unitId <= 10; unitId += 1) {
      world.setFault(0, unitId, { kind: 'late', delayMs: 10 });
    }
    const startMs = performance.now();
    await Promise.all(Array.from({ length: 10 }, (_, index) => valueOf(bus, index + 1)));
    expect(performance.now() - startMs).toBeGreaterThan(95); // 10 answers of 10 ms, one by one
  });
});
