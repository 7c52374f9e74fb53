import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { powerOutage } from '../../../src/domain/series/meterEvent.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import { findDecisions } from '../../../src/db/veeDecisionReads.ts';
import { rateJob } from '../../../src/domain/rating/job.ts';
import { decisionEffect } from '../../../src/operations/vee/decisionEffect.ts';
import { resolveDecision } from '../../../src/operations/vee/resolveDecision.ts';
import { straightThrough } from '../../../src/operations/vee/straightThrough.ts';
import { bills, dayMs, flat, hourMs, july, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { mark } from '../marksGround.ts';
import { openDecisions, outage, publishSet, quarterHours, slotsOfMeter } from './ground.ts';

/** Worked numbers of the domain rules, chapters 4.1 and 4.2, on the whole road. All in UTC. */

const slotMs = 900_000;

describe('gaps', () => {
  test('rule 8: a lost hour follows the profile of the class, and sums up exactly', async () => {
    const ground = await bills('vee_rule8', flat('1'));
    // Weights 1:1:2:4 from 10:00 to 11:00 of each day; elsewhere whatever.
    const day = Array.from({ length: 96 }, (_, slot) => [1, 1, 2, 4][slot - 40] ?? 1);
    await publishSet(ground, {
      customerClass: 'community',
      profile: { workday: day, saturday: day, sunday: day },
      estimation: { order: ['profile'] },
    });
    const tenMs = june + 10 * hourMs;
    await ground.read([
      { atMs: june, wh: 0 },
      { atMs: tenMs, wh: 10_000 },
      { atMs: tenMs + hourMs, wh: 14_000 },
    ]);
    expect(await slotsOfMeter(ground, 'M1', { fromMs: tenMs, toMs: tenMs + hourMs })).toEqual([
      [500, 'ESTIMATED'],
      [500, 'ESTIMATED'],
      [1_000, 'ESTIMATED'],
      [2_000, 'ESTIMATED'],
    ]);
    expect(await openDecisions(ground)).toContainEqual(
      expect.objectContaining({ rule: 'profile', outcome: 'estimate' }),
    );
  });

  test("rule 8: in an outage of the meter's own log the slots are zero and ACTUAL", async () => {
    const ground = await bills('vee_outage', flat('1'));
    const tenMs = june + 10 * hourMs;
    await ground.read([
      { atMs: june, wh: 0 },
      { atMs: tenMs, wh: 10_000 },
      { atMs: tenMs + hourMs, wh: 10_000 },
    ]);
    const hour = { fromMs: tenMs, toMs: tenMs + hourMs };
    const zero = (quality: string) => Array.from({ length: 4 }, () => [0, quality]);
    expect(await slotsOfMeter(ground, 'M1', hour)).toEqual(zero('ESTIMATED'));
    // The log comes late, and the gap is estimated anew.
    await outage(ground, 'M1', hour);
    expect(await slotsOfMeter(ground, 'M1', hour)).toEqual(zero('ACTUAL'));
    expect(powerOutage).toBe(1);
  });

  test('an outage and lost communication are not mixed: energy lies beside it', async () => {
    const ground = await bills('vee_half_outage', flat('1'));
    const tenMs = june + 10 * hourMs;
    await outage(ground, 'M1', { fromMs: tenMs + 2 * slotMs, toMs: tenMs + hourMs });
    await ground.read([
      { atMs: tenMs, wh: 10_000 },
      { atMs: tenMs + hourMs, wh: 10_600 },
    ]);
    const hour = { fromMs: tenMs, toMs: tenMs + hourMs };
    expect(await slotsOfMeter(ground, 'M1', hour)).toEqual([
      [300, 'ESTIMATED'],
      [300, 'ESTIMATED'],
      [0, 'ACTUAL'],
      [0, 'ACTUAL'],
    ]);
  });

  test('rule 9: a gap never makes demand: 18 kWh are 9 and 9, estimated', async () => {
    const ground = await bills('vee_rule9', flat('1'));
    const hour17 = june + 17 * hourMs;
    await ground.read([
      { atMs: hour17 - slotMs, wh: 0 },
      { atMs: hour17, wh: 0 },
      { atMs: hour17 + 2 * hourMs, wh: 18_000 },
    ]);
    const slots = await slotsOfMeter(ground, 'M1', { fromMs: hour17, toMs: hour17 + 2 * hourMs });
    const hours = [slots.slice(0, 4), slots.slice(4)].map((each) =>
      each.reduce((sum, [wh]) => sum + wh, 0),
    );
    expect(hours).toEqual([9_000, 9_000]);
    expect(slots.every(([, quality]) => quality === 'ESTIMATED')).toBe(true);
  });

  test('rule 6: intervals of 23.2 kWh beside a register of 24.0 are told, and scaled', async () => {
    const ground = await bills('vee_rule6', flat('1'));
    const twoMs = june + dayMs;
    // The meter's own quarter hours come late: 0.1 kWh and, from noon on, 0.3833 of a kWh a slot.
    const own = quarterHours(june, { slots: 96, wh: 0, whOf: () => 0 })
      .slice(1)
      .map(({ atMs }, slot) => ({ atMs, wh: slot < 48 ? 100 : slot < 95 ? 383 : 399 }));
    const sum = own.reduce((all, { wh }) => all + wh, 0);
    expect(sum).toBe(23_200);
    await ground.read([
      { atMs: june, wh: 0 },
      { atMs: twoMs, wh: 24_000 },
      { atMs: twoMs + slotMs, wh: 24_000 },
    ]);
    await ground.read(own, { channel: 257, unit: 30 });
    const told = (await openDecisions(ground)).map(({ rule }) => rule);
    expect(told).toContain('sum');
    expect(told).toContain('adjustmentFromScalar');
    const slots = await slotsOfMeter(ground, 'M1', { fromMs: june, toMs: twoMs });
    expect(slots.reduce((all, [wh]) => all + wh, 0)).toBe(24_000);
    // 24,000 by the share that the slot has of 23,200.
    expect(slots[0]).toEqual([Math.floor((24_000 * 100) / sum), 'CALCULATED']);
  });

  test('rule 27: a Tuesday is filled from four Tuesdays before, no holidays', async () => {
    const ground = await bills('vee_rule27', flat('1'));
    await publishSet(ground, {
      customerClass: 'community',
      holidays: ['2026-06-16'],
      estimation: { order: ['proxyDay'], proxyDay: { days: 4, daysMin: 4, historyDaysMax: 56 } },
      rules: { highLow: { on: false } },
    });
    // 2026-06-02 is a Tuesday. Its hours from 12:00 on have weights of their own.
    const tuesday = Date.UTC(2026, 5, 30);
    const readings = quarterHours(Date.UTC(2026, 4, 26), {
      slots: 35 * 96 + 48,
      wh: 0,
      whOf: (slot) => {
        const [day, at] = [Math.floor(slot / 96), slot % 96];
        if (day === 21) return 400; // The holiday of 16 June.
        return day % 7 === 0 && at >= 48 ? 100 + 100 * Math.floor((at - 48) / 24) : 50;
      },
    });
    const last = readings.at(-1)?.wh ?? 0;
    // Six hours are lost; of the last six 100 and 200 a slot: 24 x 100 + 24 x 200 in all.
    const end = { atMs: tuesday + dayMs, wh: last + 7_200 };
    for (let at = 0; at < readings.length; at += 1_000) {
      await ground.read(readings.slice(at, at + 1_000));
    }
    await ground.read([end]);
    const half = { fromMs: tuesday + 12 * hourMs, toMs: tuesday + dayMs };
    const slots = await slotsOfMeter(ground, 'M1', half);
    expect(slots.map(([wh]) => wh)).toEqual([
      ...Array.from({ length: 24 }, () => 100),
      ...Array.from({ length: 24 }, () => 200),
    ]);
    expect(await openDecisions(ground)).toContainEqual(
      expect.objectContaining({ rule: 'proxyDay', outcome: 'estimate' }),
    );
  });
});

/** A month of 10 kWh a day and one of 30 kWh a day, read at midnight. */
async function jumpingBill(name: string, change?: (fleet: Fleet) => Fleet): Promise<BillsGround> {
  const ground = await bills(name, flat('0.25'), change);
  const readings = quarterHours(june - 30 * dayMs, { slots: 30 * 96, wh: 0, whOf: () => 100 });
  await ground.read(readings);
  const wh = readings.at(-1)?.wh ?? 0;
  const more = quarterHours(june, { slots: 30 * 96 + 2, wh, whOf: () => 300 });
  await ground.read(more.slice(1));
  return ground;
}

const highLow = expect.objectContaining({ rule: 'highLow', outcome: 'hold' });

async function highLowId(ground: BillsGround): Promise<string> {
  const found = (await openDecisions(ground)).find(({ rule }) => rule === 'highLow');
  return String(found?.id);
}

async function balanceOf({ database }: BillsGround): Promise<bigint> {
  const [row] = await database.sql<{ balance: bigint }[]>`
    select balance_micros as balance from account_balance order by account_id limit 1`;
  return row?.balance ?? 0n;
}

async function holdsOf({ database }: BillsGround): Promise<readonly string[]> {
  const rows = await database.sql<{ code: string }[]>`select code from charge_hold order by 1`;
  return rows.map(({ code }) => code);
}

describe('holds', () => {
  test('rule 18, 003.18: a bill of 300 % asks for nothing until it is released', async () => {
    const ground = await jumpingBill('vee_rule18');
    // Limits of the default set: more than 250 % of the days before.
    expect(await openDecisions(ground)).toContainEqual(highLow);
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    // May (part of it): 100 Wh x 96 x 30 at 0.25. June asks for nothing; July has two slots.
    const may = 72_000_000n;
    const { deps, decisionId } = { deps: depsOf(ground), decisionId: await highLowId(ground) };
    expect(-(await balanceOf(ground))).toBe(may + 0n + julyMicros);
    const released = { idempotencyKey: randomUUID(), decisionId, kind: 'released' as const };
    const asked = { ...released, reason: 'a new heat pump' };
    expect(await resolveDecision(deps, ground.viewer, asked)).toMatchObject({ ok: true });
    await ground.rateAll();
    expect(await holdsOf(ground)).toEqual([]);
    const juneMicros = 216_000_000n;
    expect(-(await balanceOf(ground))).toBe(may + juneMicros + julyMicros);
    // The same request again changes nothing, and another one is told so.
    expect(await resolveDecision(deps, ground.viewer, asked)).toMatchObject({
      ok: true,
      value: { isReplay: true },
    });
    const again = { ...asked, idempotencyKey: randomUUID() };
    expect(await resolveDecision(deps, ground.viewer, again)).toMatchObject({
      ok: false,
      code: 'DECISION_RESOLVED',
    });
    const codes = new Set((await ground.transfers()).map(({ code }) => code));
    expect(codes).toContain('bill_judged');
  });

  test('what was confirmed may be released: the later word counts, and is the last', async () => {
    const ground = await jumpingBill('vee_confirmed');
    const deps = depsOf(ground);
    const decisionId = await highLowId(ground);
    const word = (kind: 'confirmed' | 'released', reason: string) =>
      resolveDecision(deps, ground.viewer, {
        idempotencyKey: randomUUID(),
        decisionId,
        kind,
        reason,
      });
    expect(await word('confirmed', 'bypass found')).toMatchObject({ ok: true });
    expect(await word('confirmed', 'again')).toMatchObject({ code: 'DECISION_RESOLVED' });
    await ground.rateAll();
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    expect(await word('released', 'the wrong meter')).toMatchObject({ ok: true });
    await ground.rateAll();
    expect(await holdsOf(ground)).toEqual([]);
    // As rule 18 above: May, June and two slots of July.
    expect(-(await balanceOf(ground))).toBe(72_000_000n + 216_000_000n + julyMicros);
    expect(await findDecisions(ground.database.sql, [decisionId])).toMatchObject([
      { resolution: 'released', reason: 'the wrong meter', serial: 'M1' },
    ]);
    const after = await word('confirmed', 'no, the right one');
    expect(after).toMatchObject({ code: 'DECISION_RESOLVED' });
  });

  test('003.20: a hold that no longer holds is withdrawn, the bill posted once', async () => {
    const ground = await jumpingBill('vee_withdrawn');
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    const rules = { highLow: { highPercentMax: 400 } };
    await publishSet(ground, { customerClass: 'community', rules });
    expect(await holdsOf(ground)).toEqual([]);
    expect(-(await balanceOf(ground))).toBe(72_000_000n + 216_000_000n + julyMicros);
    expect((await openDecisions(ground)).filter(({ rule }) => rule === 'highLow')).toEqual([]);
  });

  test('a hold of one meter holds no other bill', async () => {
    const two = (fleet: Fleet): Fleet => {
      const [meter] = fleet.meters;
      const [agreement] = fleet.agreements;
      const [point] = fleet.servicePoints;
      const [customer] = fleet.customers;
      const account = { number: 'A2', currency: 'EUR' };
      return {
        ...fleet,
        servicePoints: [...fleet.servicePoints, { ...point, name: 'point 2' }],
        meters: [...fleet.meters, { ...meter, serial: 'M2', servicePoint: 'point 2' }],
        customers: [
          { ...customer, accounts: [...customer.accounts, account] },
          ...fleet.customers.slice(1),
        ],
        agreements: [...fleet.agreements, { ...agreement, account: 'A2', servicePoint: 'point 2' }],
      };
    };
    const ground = await jumpingBill('vee_one_of_two', two);
    const readings = [june - dayMs, june, july, july + slotMs].map((atMs, at) => ({
      atMs,
      wh: at * 1_000,
      meter: 'M2',
    }));
    await ground.read(readings);
    const rows = await ground.database.sql<{ serial: string }[]>`
      select m.serial from charge_hold h join meter m on m.id = h.meter_id`;
    expect([...rows]).toEqual([{ serial: 'M1' }]);
  });

  test('rule 23: the third bill that runs on estimates makes a work order', async () => {
    const ground = await bills('vee_rule23', flat('1'));
    const months = [3, 4, 5, 6].map((month) => Date.UTC(2026, month, 1));
    await ground.read(months.slice(0, 3).map((atMs, at) => ({ atMs, wh: at * 1_000, quality: 2 })));
    const prolonged = async () =>
      (await openDecisions(ground)).filter(({ rule }) => rule === 'prolongedEstimation');
    expect(await prolonged()).toEqual([]);
    await ground.read([{ atMs: months[3] + hourMs, wh: 9_000 }]);
    expect(await prolonged()).toMatchObject([{ outcome: 'alert' }]);
  });

  test('rule 25: a final value replaced by more than 0.1 % is told, the bill follows', async () => {
    const ground = await bills('vee_rule25', flat('1'));
    const replaced = async () =>
      (await openDecisions(ground)).filter(({ rule }) => rule === 'finalReplacement').length;
    await ground.read([
      { atMs: june, wh: 0 },
      { atMs: july, wh: 100_000, quality: 2 },
      { atMs: july + dayMs, wh: 101_000 },
    ]);
    // 0.1 % more: not told, and billed to the Wh, whatever came first.
    await ground.read([{ atMs: july, wh: 100_100, quality: 1 }]);
    expect(await replaced()).toBe(0);
    expect((await ground.charges())[0]).toMatchObject({ wh: 100_100n, micros: 100_100_000n });
    await ground.read([{ atMs: july, wh: 100_300, quality: 0 }]);
    expect(await replaced()).toBe(1);
    expect((await ground.charges())[0]).toMatchObject({ wh: 100_300n, micros: 100_300_000n });
  });

  test('rule 25: a final value that a removal takes away is told of all its bill', async () => {
    const ground = await bills('vee_rule25_removed', flat('1'));
    await ground.read([
      { atMs: june, wh: 0 },
      { atMs: july + dayMs, wh: 100_000 },
    ]);
    await mark(ground, { atMs: june - dayMs, kind: 'removed' });
    const rows = await ground.database.sql`
      select from_at, to_at from vee_decision where rule = 'finalReplacement'`;
    expect([...rows]).toEqual([{ from_at: new Date(june), to_at: new Date(july) }]);
  });

  test('the money that hangs on a decision is told on request', async () => {
    const ground = await jumpingBill('vee_effect');
    const [decision] = await findDecisions(ground.database.sql, [await highLowId(ground)]);
    const { companyId } = ground.viewer;
    const effect = await ground.database.sql.begin((tx) => decisionEffect(tx, companyId, decision));
    expect(effect).toMatchObject({
      ok: true,
      value: { withMicros: 216_000_000n, withoutMicros: 0n, currency: 'EUR' },
    });
  });

  test('a prepaid balance is charged on, whatever a soft check says', async () => {
    const prepaid = (fleet: Fleet): Fleet => ({
      ...fleet,
      agreements: fleet.agreements.map((each) => ({ ...each, mode: 'prepaid' })),
    });
    const ground = await jumpingBill('vee_prepaid', prepaid);
    expect(await openDecisions(ground)).toContainEqual(highLow);
    expect(await holdsOf(ground)).toEqual([]);
    expect(-(await balanceOf(ground))).toBe(72_000_000n + 216_000_000n + julyMicros);
  });

  test('002.32, 003.1: how many bills nobody touched', async () => {
    const ground = await jumpingBill('vee_straight');
    const window = { fromMs: june - 31 * dayMs, toMs: july };
    const told = () => ground.database.sql.begin((tx) => straightThrough(tx, window));
    const may = { month: '2026-05', closedBills: 1, untouchedBills: 1, heldBills: 0 };
    const held = { month: '2026-06', closedBills: 1, untouchedBills: 0, heldBills: 1 };
    expect(await told()).toEqual({ ok: true, value: [may, held] });
    await resolveDecision(depsOf(ground), ground.viewer, {
      idempotencyKey: randomUUID(),
      decisionId: await highLowId(ground),
      kind: 'released',
      reason: 'looked at',
    });
    await ground.rateAll();
    expect(await told()).toEqual({ ok: true, value: [may, { ...held, heldBills: 0 }] });
  });
});

/** Two quarter hours of 300 Wh at 0.25; the second one is open. */
const julyMicros = 150_000n;

function depsOf({ api, clock }: BillsGround) {
  return { sql: api.sql, clock, wake: () => {}, rate: rateJob };
}
