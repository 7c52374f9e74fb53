import postgres from 'postgres';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dismissHeldBack } from '../../../src/db/heldBack.ts';
import { BatchMaker, importBlock, testEdge } from '../../support/build/edge.ts';
import { bills, dayMs, flat, hourMs, july, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed, mark } from '../marksGround.ts';
import { openDecisions } from './ground.ts';

/** How readings were sent: rules 5, 11, 12 and 22 of the domain rules, 4.1 and 4.2. In UTC. */

async function decided(ground: BillsGround, rule: string) {
  return (await openDecisions(ground)).filter((each) => each.rule === rule);
}

async function detailOf({ database }: BillsGround, rule: string) {
  const [row] = await database.sql<{ detail: Record<string, string> }[]>`
    select detail from vee_decision where rule = ${rule} and withdrawn_at is null`;
  return row?.detail;
}

async function versionsOf({ database }: BillsGround): Promise<readonly bigint[]> {
  const rows = await database.sql<{ value: bigint }[]>`
    select value from reading_version order by value`;
  return rows.map(({ value }) => value);
}

async function holdsOf({ database }: BillsGround): Promise<readonly string[]> {
  const rows = await database.sql<{ code: string }[]>`select code from charge_hold order by 1`;
  return rows.map(({ code }) => code);
}

/** Of the day's beginning, so that a complete day follows. */
const around = [
  { atMs: june, wh: 0 },
  { atMs: june + dayMs, wh: 10_000 },
  { atMs: june + dayMs + hourMs, wh: 10_100 },
];
const tenMs = june + 10 * hourMs;

describe('rule 12', () => {
  test('the same value a hundred times is one reading, and nobody is told', async () => {
    const ground = await bills('sent_same', flat('1'));
    await ground.read(around);
    await ground.read(Array.from({ length: 50 }, () => ({ atMs: tenMs, wh: 4_000 })));
    for (let at = 0; at < 5; at += 1) {
      await ground.read(Array.from({ length: 10 }, () => ({ atMs: tenMs, wh: 4_000 })));
    }
    expect(await versionsOf(ground)).toEqual([]);
    expect(await decided(ground, 'duplicateReading')).toEqual([]);
    expect((await ground.charges()).map(({ wh }) => wh)).toEqual([10_100n]);
  });

  test.each([['in order', [0, 1, 2]] as const, ['the other way round', [2, 1, 0]] as const])(
    'another value is version 2: both are kept, and somebody is told, %s',
    async (_, order) => {
      const ground = await bills(`sent_two_${order.join('')}`, flat('1'));
      const meterId = ground.meter('M1');
      const of = (wh: number) => ground.maker.sign([importBlock([{ meterId, atMs: tenMs, wh }])]);
      const rest = around.map((each) => ({ ...each, meterId }));
      const signed = [of(4_000), of(4_500), ground.maker.sign([importBlock(rest)])];
      for (const at of order) await ground.send(signed[at]);
      expect(await versionsOf(ground)).toEqual([4_000n, 4_500n]);
      expect(await decided(ground, 'duplicateReading')).toMatchObject([{ outcome: 'alert' }]);
      expect(await detailOf(ground, 'duplicateReading')).toMatchObject({
        instants: '1',
        keptWh: '4500',
        lostWh: '4000',
      });
      await expectReplayed(ground);
    },
  );

  test('an edit, even one that changes nothing, is the last word on both', async () => {
    const office = testEdge();
    const ground = await bills('sent_edit', flat('1'), (fleet) => ({
      ...fleet,
      edges: [
        ...fleet.edges,
        { name: 'office', publicKeys: [office.publicKey], logShard: 0, buses: [] },
      ],
    }));
    const officeId = ground.registered.edges.get('office')?.edgeId ?? 0;
    const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
    onTestFinished(() => owner.end());
    await owner`update edge set kind = 'office' where id = ${officeId}`;
    await ground.read(around);
    await ground.read([{ atMs: tenMs, wh: 4_000 }]);
    await ground.read([{ atMs: tenMs, wh: 4_500 }]);
    expect(await decided(ground, 'duplicateReading')).toHaveLength(1);
    const maker = new BatchMaker(office, { edgeId: officeId });
    const word = importBlock([{ meterId: ground.meter('M1'), atMs: tenMs, wh: 4_500 }]);
    await ground.send(maker.sign([{ ...word, revision: Int32Array.of(1) }]));
    expect(await decided(ground, 'duplicateReading')).toEqual([]);
    await expectReplayed(ground);
  });

  test('a reading between the first and the last of a slot counts for nothing', async () => {
    const ground = await bills('sent_between', flat('1'));
    const minuteMs = 60_000;
    const at = (minutes: number, wh: number) => ({ atMs: tenMs + minutes * minuteMs, wh });
    await ground.read([...around, at(0, 4_000), at(5, 4_010)]);
    await ground.read([at(5, 4_011)]);
    expect(await decided(ground, 'duplicateReading')).toHaveLength(1);
    await ground.read([at(10, 4_020)]);
    expect(await decided(ground, 'duplicateReading')).toEqual([]);
  });
});

describe('rule 5', () => {
  test.each([
    ['another unit', 32, '32'],
    ['no unit', 255, 'none'],
  ])(
    'values in %s are not billed, and a Unit of Measure Check tells of it',
    async (_, unit, is) => {
      const ground = await bills(`sent_unit_${unit}`, flat('1'));
      // Nothing else comes: no day is ever complete.
      await ground.read(
        [
          { atMs: june, wh: 0 },
          { atMs: tenMs, wh: 10_000 },
        ],
        { unit },
      );
      expect(await ground.charges()).toEqual([]);
      expect(await decided(ground, 'unitOfMeasure')).toMatchObject([{ outcome: 'reject' }]);
      expect(await detailOf(ground, 'unitOfMeasure')).toMatchObject({
        unit: is,
        expectedUnit: '30',
      });
      // What comes in Wh is billed beside it, and the finding stands.
      await ground.read(around);
      expect((await ground.charges()).map(({ wh }) => wh)).toEqual([10_100n]);
      expect(await decided(ground, 'unitOfMeasure')).toHaveLength(1);
      await expectReplayed(ground);
    },
  );

  test('once somebody has left the rows out for good, nothing is told any more', async () => {
    const ground = await bills('sent_unit_dismissed', flat('1'));
    await ground.read([{ atMs: tenMs, wh: 10_000 }], { unit: 32 });
    expect(await decided(ground, 'unitOfMeasure')).toHaveLength(1);
    const filter = { meterId: null, code: 'UNIT_MISMATCH', fromMs: null, toMs: null, batch: null };
    const word = { actor: 'a', reason: 'sent again', atMs: ground.clock.nowMs() };
    const { companyId } = ground.viewer;
    const rows = await ground.database.sql.begin((tx) =>
      dismissHeldBack(tx, { companyId, filter, rowsMax: 10, ...word }),
    );
    expect(rows).toBe(1);
    await ground.rateAll();
    expect(await decided(ground, 'unitOfMeasure')).toEqual([]);
    await expectReplayed(ground);
  });

  test('of a register that is not billed, too', async () => {
    const ground = await bills('sent_unit_q1', flat('1'));
    await ground.read([{ atMs: tenMs, wh: 10 }], { channel: 5, unit: 30 });
    expect(await decided(ground, 'unitOfMeasure')).toHaveLength(1);
    expect(await detailOf(ground, 'unitOfMeasure')).toMatchObject({ expectedUnit: '32' });
  });
});

describe('rule 22', () => {
  const month = [
    { atMs: june, wh: 0 },
    { atMs: tenMs, wh: 25 },
    { atMs: july, wh: 1_000 },
    { atMs: july + hourMs, wh: 1_000 },
  ];

  test('the values come with 40, the marks say 80: the bill stops until they agree', async () => {
    const ground = await bills('sent_multiplier', flat('1'));
    const before = june - dayMs;
    expect(await mark(ground, { atMs: before, factor: '400/5' })).toMatchObject({ ok: true });
    await ground.read(month, { multiplierThousandths: Int32Array.of(0, 40_000, 0, 0) });
    expect(await decided(ground, 'multiplier')).toMatchObject([{ outcome: 'hold' }]);
    expect(await detailOf(ground, 'multiplier')).toMatchObject({
      multiplier: '40/1',
      expectedMultiplier: '80/1',
    });
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    expect((await ground.charges())[0]).toMatchObject({ wh: 80_000n, micros: 0n });
    await expectReplayed(ground);
    // The plate says 200/5: 40 x 1,000 counts at 1 a kWh.
    expect(await mark(ground, { atMs: before, factor: '200/5' })).toMatchObject({ ok: true });
    expect(await decided(ground, 'multiplier')).toEqual([]);
    expect(await holdsOf(ground)).toEqual([]);
    expect((await ground.charges())[0]).toMatchObject({ wh: 40_000n, micros: 40_000_000n });
    await expectReplayed(ground);
  });

  test('80 for 400/5 is the same, and 0 says nothing', async () => {
    const ground = await bills('sent_multiplier_same', flat('1'));
    await mark(ground, { atMs: june - dayMs, factor: '400/5' });
    await ground.read(month, { multiplierThousandths: Int32Array.of(80_000, 0, 80_000, 0) });
    expect(await decided(ground, 'multiplier')).toEqual([]);
    expect(await holdsOf(ground)).toEqual([]);
  });
});

test('rule 11: a clock off by more than a quarter hour makes a work item', async () => {
  const ground = await bills('sent_drift', flat('1'));
  await ground.read(around);
  await ground.read([{ atMs: tenMs, wh: 9_999 }], { clockOffsetMs: Int32Array.of(960_000) });
  const [drift] = await decided(ground, 'CLOCK_DRIFT');
  expect(drift).toMatchObject({ outcome: 'alert' });
  expect(drift?.message).toContain('SET_CLOCK');
  expect(await detailOf(ground, 'CLOCK_DRIFT')).toMatchObject({ command: 'SET_CLOCK' });
  await expectReplayed(ground);
});
