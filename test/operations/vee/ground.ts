import { randomUUID } from 'node:crypto';
import { readDaysAroundEach } from '../../../src/db/seriesAround.ts';
import { slotOf } from '../../../src/domain/rating/slot.ts';
import { decodeDay } from '../../../src/domain/series/dayCodec.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import { publishVeeSet } from '../../../src/operations/publishVeeSet.ts';
import type { BillsGround } from '../billsGround.ts';

/** For readings of any time, as an administrator would. */
export async function publishSet(ground: BillsGround, document: unknown): Promise<void> {
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const published = await publishVeeSet(deps, ground.viewer, {
    idempotencyKey: randomUUID(),
    validFromMs: Date.UTC(2000, 0, 1),
    document,
    reason: 'a test',
  });
  if (!published.ok) throw new Error(`${published.code}: ${published.message}`);
  await ground.rateAll();
}

const qualities = ['ACTUAL', 'CALCULATED', 'ESTIMATED', 'MISSING'];

/** Wh and quality of each slot, as the stored days give them. */
export async function slotsOfMeter(
  ground: BillsGround,
  serial: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<readonly (readonly [number, string | undefined])[]> {
  const wanted = { meterId: ground.meter(serial), channel: 1, fromDay: 0, throughDay: 99_999 };
  const days = await readDaysAroundEach(ground.database.sql, [wanted]);
  const walked = walkDays(
    days.map(({ bytes }) => decodeDay(bytes)),
    null,
    { powerMaxW: 40_000, registerStepWh: 100, registerModulusWh: null, marks: [] },
  );
  const from = slotOf(fromMs) - walked.firstSlot;
  const to = slotOf(toMs) - walked.firstSlot;
  return [...walked.slotWh.subarray(from, to)].map((wh, at) => [
    wh,
    qualities[walked.slotQuality[from + at]],
  ]);
}

/** What stands and nobody has resolved. */
export async function openDecisions({ database }: BillsGround) {
  return database.sql<{ id: bigint; rule: string; outcome: string; message: string }[]>`
    select id, rule, outcome, message from vee_decision d
    where withdrawn_at is null
      and not exists (select from vee_resolution r where r.decision_id = d.id)
    order by from_at, id`;
}

/** The meter's own log tells of a power outage. */
export async function outage(
  ground: BillsGround,
  serial: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<void> {
  await ground.tell({
    code: Int32Array.of(1),
    meterId: Int32Array.of(ground.meter(serial)),
    fromMs: Float64Array.of(fromMs),
    toMs: Float64Array.of(toMs),
  });
}

const slotMs = 900_000;

/** A reading each quarter hour from a day's beginning: `whOf` says what each slot adds. */
export function quarterHours(
  fromMs: number,
  { slots, wh, whOf }: { slots: number; wh: number; whOf(slot: number): number },
) {
  let sum = wh;
  return Array.from({ length: slots + 1 }, (_, at) => {
    if (at > 0) sum += whOf(at - 1);
    return { atMs: fromMs + at * slotMs, wh: sum };
  });
}
