import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { editReading } from '../../src/operations/office/editReading.ts';
import { bills, dayMs, flat, hourMs, june, july } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { depsOf, expectReplayed, mark } from './marksGround.ts';

/** 0.10 a kWh, and 5 for each bill as soon as there is one. */
const standing = { kind: 'fixed', name: 'standing', amount: '5', per: 'bill' } as const;
const document = flat('0.10', [standing]);
const minuteMs = 60_000;

async function expectMicros(ground: BillsGround, micros: readonly bigint[]): Promise<void> {
  const rows = await ground.charges();
  expect(rows.filter((row) => row.micros !== 0n).map((row) => row.micros)).toEqual(micros);
}

const juneMicros = 5_000_000n + 3_000_000n;
const throughJune = [
  { atMs: june + dayMs, wh: 1_000 },
  { atMs: july, wh: 31_000 },
];

test('a reading at the end of a month begins no bill of the next one', async () => {
  const ground = await bills('begun_at_end', document);
  await ground.read(throughJune);
  await expectMicros(ground, [juneMicros]);
  expect(await ground.charges()).toMatchObject([{ period: '2026-06', open: false }]);
  await ground.read([{ atMs: july + 7 * minuteMs, wh: 31_000 }]);
  await expectMicros(ground, [juneMicros, 5_000_000n]);
  await expectReplayed(ground);
});

test('a bill that begins with a reading that is voided is given back', async () => {
  const ground = await bills('begun_and_voided', document);
  const atMs = july + 7 * minuteMs;
  await ground.read([...throughJune, { atMs, wh: 31_500 }]);
  await expectMicros(ground, [juneMicros, 5_050_000n]);
  const office = { writer: ground.database.sql, key: generateKeyPairSync('ed25519').privateKey };
  const edited = await editReading({ ...depsOf(ground), office }, ground.viewer, {
    idempotencyKey: randomUUID(),
    meterId: ground.meter('M1'),
    channel: 1,
    atMs,
    value: null,
    supersedes: 0,
    reason: 'misread',
  });
  expect(edited).toMatchObject({ ok: true });
  await ground.rateAll();
  await expectMicros(ground, [juneMicros]);
  await expectReplayed(ground);
  await ground.read([{ atMs: july + hourMs, wh: 32_000 }]);
  await expectMicros(ground, [juneMicros, 5_100_000n]);
  await expectReplayed(ground);
});

test('a register that is taken away as a month ends has no bill of the next one', async () => {
  const ground = await bills('begun_removed', document);
  await ground.read([...throughJune, { atMs: july + hourMs, wh: 31_500 }]);
  await mark(ground, { atMs: july, kind: 'removed', finalValue: 31_000n });
  await expectMicros(ground, [juneMicros]);
  await expectReplayed(ground);
});

test('a first reading as a month begins is billed once time has passed', async () => {
  const ground = await bills('begun_first', document);
  await ground.read([{ atMs: july, wh: 31_000 }]);
  await expectMicros(ground, []);
  // Midnight is over: so is the day, which is charged without a reading.
  ground.clock.set(july + 2 * dayMs);
  await ground.accrue();
  await expectMicros(ground, [5_000_000n]);
  await expectReplayed(ground);
});
