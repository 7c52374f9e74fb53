import { afterEach, expect, test } from 'vitest';
import { verifySwitch, writeSwitch } from '../../src/devices/deviceLink.ts';
import { openField } from './field.ts';
import type { Field } from './field.ts';

let field: Field | null = null;
afterEach(async () => {
  await field?.close();
  field = null;
});

async function supply(close: boolean) {
  field = await openField();
  const { world, bus, clock } = field;
  world.setPowerW(0, 1, 1_800);
  const meter = { unitId: 1, mapName: 'int64Wh', channels: ['1.8.0', '16.7.0'] } as const;
  return {
    world,
    options: { clock, pollMs: 20 },
    briefly: { clock, verifyMsMax: 400, pollMs: 20 },
    supply: { bus, contactor: { unitId: 101, coil: 0 }, meter, close },
  };
}

test('a disconnection is acknowledged, then verified by the coil and by the power', async () => {
  const { world, supply: toOpen, options } = await supply(false);
  expect(await writeSwitch(toOpen)).toMatchObject({ ok: true });
  expect(world.isSupplyClosed(0, 1)).toBe(false);
  expect(await verifySwitch(toOpen, options)).toMatchObject({ ok: true, value: { powerW: 0n } });
});

test('a reconnection is verified by the coil', async () => {
  const { world, supply: toOpen, options } = await supply(false);
  await writeSwitch(toOpen);
  const toClose = { ...toOpen, close: true };
  expect(await writeSwitch(toClose)).toMatchObject({ ok: true });
  expect(await verifySwitch(toClose, options)).toMatchObject({ ok: true });
  expect(world.isSupplyClosed(0, 1)).toBe(true);
});

test('a coil that stands otherwise is not verified', async () => {
  const { supply: toOpen, briefly } = await supply(false);
  expect(await verifySwitch(toOpen, briefly)).toMatchObject({ code: 'COIL_DISAGREES' });
});

test('power that flows behind an open contactor is not verified', async () => {
  const { world, supply: toOpen, briefly } = await supply(false);
  // Welded contacts: the coil of supply 2 opens, and the load is still seen by meter 1.
  world.setPowerW(0, 2, 0);
  const crossed = { ...toOpen, contactor: { unitId: 102, coil: 0 } };
  expect(await writeSwitch(crossed)).toMatchObject({ ok: true });
  expect(await verifySwitch(crossed, briefly)).toMatchObject({ code: 'POWER_STILL_FLOWS' });
});

test('a silent contactor acknowledges nothing, a silent meter verifies nothing', async () => {
  const { world, supply: toOpen, briefly } = await supply(false);
  world.setFault(0, 101, { kind: 'silent' });
  expect(await writeSwitch(toOpen)).toMatchObject({ code: 'DEVICE_TIMEOUT' });
  expect(world.isSupplyClosed(0, 1)).toBe(true);
  world.setFault(0, 101, null);
  expect(await writeSwitch(toOpen)).toMatchObject({ ok: true });
  world.setFault(0, 1, { kind: 'silent' });
  expect(await verifySwitch(toOpen, briefly)).toMatchObject({ ok: false });
});

test('a contactor that is hit by noise once is verified in the end', async () => {
  const { world, supply: toOpen, options } = await supply(false);
  expect(await writeSwitch(toOpen)).toMatchObject({ ok: true });
  world.setFault(0, 101, { kind: 'garbage' });
  const verifying = verifySwitch(toOpen, options);
  world.setFault(0, 101, null);
  expect(await verifying).toMatchObject({ ok: true });
});
