import { randomUUID } from 'node:crypto';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { changeMode } from '../../../src/operations/prepaid/changeMode.ts';
import type { ChangeModeInput } from '../../../src/operations/prepaid/changeMode.ts';
import { flat, hourMs, dayMs } from '../billsGround.ts';
import { prepaidWorld } from './prepaidGround.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import type { TariffText } from '../../../src/domain/tariff/shape.ts';

/** UTC throughout. */
export const june = Date.UTC(2026, 5, 1);
export const july = Date.UTC(2026, 6, 1);
export const at10 = june + 9 * dayMs + 10 * hourMs;
export const quarterMs = hourMs / 4;

function twoPrepaid(fleet: Fleet): Fleet {
  const [point] = fleet.servicePoints;
  const [meter] = fleet.meters;
  const [agreement] = fleet.agreements;
  if (point === undefined || meter === undefined || agreement === undefined) {
    throw new Error('the fleet has a meter');
  }
  const of = <T>(make: (n: number) => T): T[] => [1, 2].map(make);
  return {
    ...fleet,
    servicePoints: of((n) => ({ ...point, name: `point ${n}` })),
    meters: of((n) => ({ ...meter, serial: `M${n}`, servicePoint: `point ${n}` })),
    customers: of((n) => ({
      name: `customer ${n}`,
      accounts: [{ number: `A${n}`, currency: 'EUR' }],
    })),
    agreements: of((n) => ({
      ...agreement,
      account: `A${n}`,
      servicePoint: `point ${n}`,
      mode: 'prepaid' as const,
      balanceLimitMicros: 0n,
      reconnectMicros: 2_000_000n,
      validFromMs: june,
    })),
  };
}

/** The same load on two meters: M1's account changes its mode, M2's never does. */
export async function modeWorld(name: string, document: TariffText = flat('0.30')) {
  const world = await prepaidWorld(name, { document, fleet: twoPrepaid, atMs: june });
  const { ground, deps, operator, accountOf, agreementOf } = world;
  const { sql } = ground.database;
  return {
    ...world,
    async read(atMs: number, wh: number) {
      ground.clock.set(Math.max(ground.clock.nowMs(), atMs));
      await ground.read(['M1', 'M2'].map((meter) => ({ meter, atMs, wh })));
    },
    async change(
      to: 'prepaid' | 'postpaid',
      more: Partial<ChangeModeInput> = {},
      viewer: Viewer = operator,
    ) {
      const done = await changeMode(deps, viewer, {
        idempotencyKey: randomUUID(),
        agreementId: await agreementOf('A1'),
        mode: to,
        atMs: null,
        reason: 'asked for by letter',
        ...more,
      });
      await ground.rateAll();
      return done;
    },
    /** By agreement of an account, in the order of time. */
    async billed(number: string) {
      return sql<{ mode: string; wh: bigint; micros: bigint; open: boolean }[]>`
        select g.mode, sum(c.energy_wh)::int8 as wh, sum(c.amount_micros)::int8 as micros,
               bool_or(c.open_until is not null) as open
        from agreement g join charge c on c.agreement_id = g.id
        where g.account_id = ${accountOf(number)} and c.period_start = ${new Date(june)}
        group by g.id, g.mode order by g.id`;
    },
  };
}
