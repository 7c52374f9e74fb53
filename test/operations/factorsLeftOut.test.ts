import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { exchangeMeter } from '../../src/operations/exchangeMeter.ts';
import { bills, dayMs, flat, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { depsOf, expectReplayed, mark } from './marksGround.ts';

/** 1,000 counts, then a reset that was read, then 500 counts. */
const readings = [
  { atMs: june, wh: 0 },
  { atMs: june + dayMs, wh: 1_000 },
  { atMs: june + 2 * dayMs, wh: 500 },
];
const reset = {
  atMs: june + dayMs,
  kind: 'reset',
  finalValue: 1_000n,
  startValue: 0n,
} as const;

async function open(name: string): Promise<BillsGround> {
  return bills(name, flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({ ...meter, powerMaxW: 400_000 })),
  }));
}

async function energyWh(ground: BillsGround): Promise<bigint> {
  const charges = await ground.charges();
  return charges.reduce((sum, { wh }) => sum + wh, 0n);
}

test('a mark without a factor follows what is said of the factor before it', async () => {
  const ground = await open('factor_follows');
  await ground.read(readings);
  await mark(ground, { atMs: june, factor: '2' });
  await mark(ground, reset);
  expect(await energyWh(ground)).toBe(3_000n);
  await mark(ground, { atMs: june, factor: '3' });
  expect(await energyWh(ground)).toBe(4_500n);
  await mark(ground, { atMs: june, kind: 'withdrawn' });
  expect(await energyWh(ground)).toBe(1_500n);
  await expectReplayed(ground);
  // Told last, and it began first.
  await mark(ground, { atMs: june, channel: null, factor: '5' });
  expect(await energyWh(ground)).toBe(7_500n);
  await expectReplayed(ground);
});

test('one that says its factor keeps it', async () => {
  const ground = await open('factor_said');
  await ground.read(readings);
  await mark(ground, { atMs: june, factor: '2' });
  await mark(ground, { ...reset, factor: '2' });
  await mark(ground, { atMs: june, factor: '3' });
  expect(await energyWh(ground)).toBe(4_000n);
  // The same without a factor is another word.
  expect(await mark(ground, reset)).toMatchObject({ ok: true, value: { isNew: true } });
  expect(await energyWh(ground)).toBe(4_500n);
  await expectReplayed(ground);
});

test.each([true, false])(
  'the factor of all registers at the instant is that of a word without one, told first: %s',
  async (isFirst) => {
    const ground = await open(`factor_of_every_${isFirst}`);
    await ground.read(readings);
    const every = { atMs: reset.atMs, channel: null, factor: '40' };
    for (const said of isFirst ? [every, reset] : [reset, every]) await mark(ground, said);
    expect(await energyWh(ground)).toBe(21_000n);
    await expectReplayed(ground);
  },
);

test('a mark of all registers without a factor leaves each register its own', async () => {
  const ground = await open('factor_of_each');
  await ground.read(readings.slice(0, 2));
  await mark(ground, { atMs: june, factor: '2' });
  await mark(ground, { atMs: reset.atMs + 60_000, channel: null, kind: 'reset' });
  // Not read as it was set back: the next value is its beginning.
  await ground.read([0, 1].map((n) => ({ atMs: june + (2 + n) * dayMs, wh: n * 300 })));
  expect(await energyWh(ground)).toBe(2_600n);
  await expectReplayed(ground);
});

test('the factor of a meter that was exchanged is corrected with one word', async () => {
  const ground = await open('factor_of_exchanged');
  await ground.read(readings.slice(0, 2));
  const exchanged = await exchangeMeter(depsOf(ground), ground.viewer, {
    idempotencyKey: randomUUID(),
    meterId: ground.meter('M1'),
    atMs: june + dayMs,
    finalValues: [{ channel: 1, value: 1_000n }],
    startValues: [{ channel: 1, value: 0n }],
    meter: {
      serial: 'M1-new',
      mapName: null,
      powerMaxW: null,
      registerModulusWh: null,
      factor: '4',
    },
    reason: 'worn out',
  });
  if (!exchanged.ok) throw new Error(exchanged.message);
  const meterId = exchanged.value.newMeterId;
  const block = {
    channel: 1,
    unit: 30,
    scaler: 0,
    meterId: Int32Array.of(meterId),
    readAtMs: Float64Array.of(june + 2 * dayMs),
    value: BigInt64Array.of(500n),
    quality: Uint8Array.of(0),
  };
  await ground.send(ground.maker.sign([block]));
  await ground.rateAll();
  expect(await energyWh(ground)).toBe(3_000n);
  const kind = 'installed';
  await mark(ground, { meterId, atMs: june + dayMs, channel: null, kind, factor: '8' });
  expect(await energyWh(ground)).toBe(5_000n);
  await expectReplayed(ground);
});
