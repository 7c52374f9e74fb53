import { randomUUID } from 'node:crypto';
import { findLiveRegisters, findSupplies, findUnrated } from '../../../src/db/meterReads.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { importChannel } from '../../../src/domain/channel.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import { payOutAccount } from '../../../src/operations/payOutAccount.ts';
import type { PayOutInput } from '../../../src/operations/payOutAccount.ts';
import { changeAccount } from '../../../src/operations/prepaid/changeAccount.ts';
import type { ChangeAccountInput } from '../../../src/operations/prepaid/changeAccount.ts';
import { readIntervals, readReadings } from '../../../src/operations/readSeries.ts';
import { takeDeposit } from '../../../src/operations/takeDeposit.ts';
import { doctorChecks } from '../../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../../src/operations/doctor/runDoctor.ts';
import { dayMs, flat } from '../billsGround.ts';
import { prepaidWorld } from './prepaidGround.ts';

/** UTC throughout; days as the rule names them. */
export const firstMs = Date.UTC(2026, 5, 1);
export const the12th = Date.UTC(2026, 5, 12, 14);
export const the15th = Date.UTC(2026, 5, 15, 9);
export const the16th = Date.UTC(2026, 5, 16);

/** One flat: its first tenant has it prepaid, and landlord and next tenant have accounts. */
function oneFlat(fleet: Fleet): Fleet {
  const [agreement] = fleet.agreements;
  if (agreement === undefined) throw new Error('the fleet has an agreement');
  return {
    ...fleet,
    customers: ['first', 'landlord', 'next'].map((number) => ({
      name: `customer ${number}`,
      accounts: [{ number, currency: 'EUR' }],
    })),
    agreements: [
      {
        ...agreement,
        account: 'first',
        mode: 'prepaid' as const,
        balanceLimitMicros: 0n,
        reconnectMicros: 2_000_000n,
        validFromMs: firstMs,
      },
    ],
  };
}

export async function movingWorld(name: string) {
  const asked = { document: flat('0.30'), fleet: oneFlat, atMs: firstMs };
  const world = await prepaidWorld(name, asked);
  const { ground, deps, operator, accountOf, agreementOf } = world;
  const { sql } = ground.database;
  const as = (number: string): Viewer => {
    const actor = `subscriber:${number}`;
    return { ...ground.viewer, role: 'subscriber', accountId: accountOf(number), actor };
  };
  const meterId = ground.meter('M1');
  return {
    ...world,
    as,
    async read(atMs: number, wh: number) {
      ground.clock.set(Math.max(ground.clock.nowMs(), atMs));
      await ground.read([{ atMs, wh }]);
    },
    async pass(
      from: string,
      to: string,
      more: Partial<ChangeAccountInput> = {},
      viewer: Viewer = operator,
    ) {
      const done = await changeAccount(deps, viewer, {
        idempotencyKey: randomUUID(),
        agreementId: await agreementOf(from),
        accountId: accountOf(to),
        mode: 'postpaid',
        atMs: null,
        reason: 'keys handed over',
        ...more,
      });
      await ground.rateAll();
      return done;
    },
    payOut(number: string, more: Partial<PayOutInput> = {}, viewer: Viewer = operator) {
      const request = { idempotencyKey: randomUUID(), accountId: accountOf(number) };
      const asked = { ...request, from: 'bank', reason: 'moved out', ...more } as const;
      return payOutAccount(deps, viewer, asked);
    },
    deposit(number: string, amount: string, viewer: Viewer = operator) {
      const request = { idempotencyKey: randomUUID(), accountId: accountOf(number) };
      const asked = { ...request, amount, currency: 'EUR', reason: 'as agreed' };
      return takeDeposit(deps, viewer, asked);
    },
    /** By account, in the order of time. */
    billed: () => sql<{ number: string; wh: bigint; micros: bigint }[]>`
      select a.number, sum(c.energy_wh)::int8 as wh, sum(c.amount_micros)::int8 as micros
      from charge c join agreement g on g.id = c.agreement_id join account a on a.id = g.account_id
      group by g.id, a.number order by g.id`,
    /** Debit, credit and amount of what an account's transfers of these codes moved. */
    moved: (number: string, code: string) => sql`
      select d.code as debit, c.code as credit, t.amount_micros as micros
      from transfer t join ledger_account d on d.id = t.debit_id
      join ledger_account c on c.id = t.credit_id
      where t.account_id = ${accountOf(number)} and t.code = ${code} order by t.posted_at`,
    /** What a subscriber is told of the meter, all of June asked for. */
    sees(number: string) {
      const window = { fromMs: firstMs, toMs: firstMs + 30 * dayMs, nowMs: ground.clock.nowMs() };
      const meter = { id: meterId, powerMaxW: 1_000_000, registerModulusWh: null };
      return asViewer(ground.api.sql, as(number), async (tx) => {
        const readings = await readReadings(tx, meter, window);
        const intervals = await readIntervals(tx, meter, window);
        if (!readings.ok || !intervals.ok) throw new Error('the window is a month');
        const slots = intervals.value.intervals;
        const live = { meterIds: [meterId], channel: importChannel };
        const days = await tx<{ day: number }[]>`select day from series_day order by day`;
        return {
          readings: readings.value.map(({ atMs, registerWh }) => [atMs, registerWh]),
          fromMs: slots.at(0)?.startMs,
          toMs: slots.at(-1)?.endMs,
          wh: slots.reduce((sum, { energyWh }) => sum + (energyWh ?? 0n), 0n),
          live: (await findLiveRegisters(tx, live)).map(({ registerWh }) => registerWh),
          supplies: (await findSupplies(tx, [meterId])).map(({ state }) => state),
          unrated: await findUnrated(tx, [meterId]),
          days: days.map(({ day }) => new Date(day * dayMs).getUTCDate()),
        };
      });
    },
    async findings() {
      const looked = { sql, nowMs: ground.clock.nowMs(), onStep: () => {} };
      const checked = await runDoctor(looked, doctorChecks);
      return checked.flatMap(({ findings }) => findings.map((f) => `${f.code} ${f.subject}`));
    },
  };
}
