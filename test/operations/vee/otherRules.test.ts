import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../../src/domain/fleet.ts';
import type { CustomerClass } from '../../../src/domain/vee/classDefaults.ts';
import { bills, dayMs, flat, hourMs, july, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { outage, publishSet } from './ground.ts';

/** Other rules for a place that has readings: stored is what they would have made. In UTC. */

const large = ({ fleet }: BillsGround): Fleet => ({
  ...fleet,
  servicePoints: fleet.servicePoints.map((point) => ({ ...point, customerClass: 'large' })),
});

/** Gaps have three times as much in the last half of a day as in its first; no bill is held. */
function byProfile(customerClass: CustomerClass) {
  const day = Array.from({ length: 96 }, (_, slot) => (slot < 48 ? 1 : 3));
  const off = { on: false };
  return {
    customerClass,
    profile: { workday: day, saturday: day, sunday: day },
    estimation: { order: ['profile'] },
    rules: { siblingExists: off, highLow: off, intervalSpike: off, missingQuantity: off, sum: off },
  };
}

/** Four hours around midnight of two months are lost, in which 4,000 Wh flowed. */
async function withGap(name: string, channel: number): Promise<BillsGround> {
  const feedIn = { kind: 'energy', name: 'feed-in', flow: 'export', price: '1' } as const;
  const ground = await bills(name, flat(channel === 1 ? '1' : '0', [feedIn]));
  const readings = [
    { atMs: july - 3 * hourMs, wh: 0 },
    { atMs: july - 2 * hourMs, wh: 0 },
    { atMs: july + 2 * hourMs, wh: 4_000 },
    { atMs: july + 3 * hourMs, wh: 4_000 },
  ];
  if (channel !== 1) await ground.read(readings);
  await ground.read(readings, { channel });
  return ground;
}

async function microsOf(ground: BillsGround): Promise<readonly bigint[]> {
  return (await ground.charges()).map(({ micros }) => (micros < 0n ? -micros : micros));
}

describe.each([
  ['import', 1],
  ['export', 2],
] as const)('a gap of %s', (name, channel) => {
  test('is laid out anew by a set that is published later', async () => {
    const ground = await withGap(`set_gap_${name}`, channel);
    expect(await microsOf(ground)).toEqual([2_000_000n, 2_000_000n]);
    await publishSet(ground, byProfile('community'));
    expect(await microsOf(ground)).toEqual([3_000_000n, 1_000_000n]);
    await expectReplayed(ground);
  });

  test('is laid out anew by an outage that the log of the meter tells later', async () => {
    const ground = await withGap(`outage_gap_${name}`, channel);
    // There was no supply from 23:00 to 2:00: all of it flowed in June.
    await outage(ground, 'M1', { fromMs: july - hourMs, toMs: july + 2 * hourMs });
    expect(await microsOf(ground)).toEqual([4_000_000n, 0n]);
    await expectReplayed(ground);
  });

  test('is laid out anew by the rules of the class that its place becomes', async () => {
    const ground = await withGap(`class_gap_${name}`, channel);
    await publishSet(ground, byProfile('large'));
    expect(await microsOf(ground)).toEqual([2_000_000n, 2_000_000n]);
    await ground.register(large(ground));
    expect(await microsOf(ground)).toEqual([3_000_000n, 1_000_000n]);
    await expectReplayed(ground);
  });
});

test('a service point that was never read has no bill, and nothing is missed', async () => {
  const standing = { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' } as const;
  const ground = await bills('never_alone', flat('1', [standing]));
  await publishSet(ground, { customerClass: 'community' });
  ground.clock.set(july + 40 * dayMs);
  await ground.accrue();
  const found = async () => (await ground.database.sql`select from vee_decision`).length;
  expect([await ground.charges(), await found()]).toEqual([[], 0]);
  // Its first reading brings what costs by time with it.
  await ground.read([{ atMs: july, wh: 0 }]);
  await ground.accrue();
  expect((await ground.charges()).map(({ period }) => period)).toContain('2026-07');
});

test('a meter that was never read is missed by the rules of the class it becomes', async () => {
  const ground = await bills('class_missed', flat('1'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.flatMap((meter) => [meter, { ...meter, serial: 'M2' }]),
  }));
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: july, wh: 1_000 },
    { atMs: july + dayMs, wh: 1_000 },
  ]);
  const missed = async () => {
    const rows = await ground.database.sql<{ outcome: string }[]>`
      select outcome from vee_decision
      where meter_id = ${ground.meter('M2')} and withdrawn_at is null`;
    return rows.map(({ outcome }) => outcome);
  };
  expect(await missed()).toEqual(['alert']);
  await ground.register(large(ground));
  expect(await missed()).toEqual(['hold']);
  await expectReplayed(ground);
});
