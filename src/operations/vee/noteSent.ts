import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { retryReason } from '../../db/heldBack.ts';
import type { FreshMeterEvent } from '../../db/meterEvents.ts';
import { insertVersions, upsertMultipliers } from '../../db/sentFacts.ts';
import type { FactPlace, ReadingVersion } from '../../db/sentFacts.ts';
import { formCodes } from '../../domain/series/heldBack.ts';
import { voltageRestored } from '../../domain/series/meterEvent.ts';
import { dayMs } from '../../domain/time/civil.ts';
import type { AdvancedRegister } from '../rating/advanceRegisters.ts';
import type { GatheredReadings } from '../rating/gatherReadings.ts';
import type { RatingMemory } from '../rating/registry.ts';
import { wrongRatios } from './sentFacts.ts';

function versionsIn({ work, walked }: AdvancedRegister): ReadingVersion[] {
  const { meterId, companyId } = work.meter;
  const of = { meterId, companyId, channel: work.channel.code };
  return walked.conflicts
    .flatMap(({ kept, lost }) => [kept, lost])
    .map(({ atMs, wh, revision }) => ({ ...of, atMs, wh, revision }));
}

/** An edit is the last word on values that differ, also where it changes none. */
function editsIn({ work }: AdvancedRegister): FactPlace[] {
  const { meterId, companyId } = work.meter;
  return [...work.days].flatMap(([day, runs]) =>
    runs.some(({ columns }) => columns.revision !== undefined)
      ? [{ meterId, companyId, atMs: day * dayMs }]
      : [],
  );
}

/**
 * Keeps how the readings were sent, as far as validation asks for it: values that differ for one
 * instant, and transformer ratios. Returns where somebody has to look.
 */
export async function noteSent(
  tx: Transaction,
  { exceptions, multipliers }: GatheredReadings,
  {
    advanced,
    duties,
    events,
    memory,
  }: {
    readonly advanced: readonly AdvancedRegister[];
    readonly duties: readonly Duty[];
    /** Of meters' logs, that were not known before. */
    readonly events: readonly FreshMeterEvent[];
    readonly memory: RatingMemory;
  },
): Promise<readonly FactPlace[]> {
  const places: FactPlace[] = [];
  const add = (meterId: number, atMs: number): void => {
    const meter = memory.meters.get(meterId);
    if (meter !== undefined) places.push({ meterId, companyId: meter.companyId, atMs });
  };
  const ratios = [...multipliers.values()];
  for (const ratio of ratios) {
    const meter = memory.meters.get(ratio.meterId);
    const wrong = meter === undefined ? [] : wrongRatios(ratio, meter, ratio.channel);
    if (wrong.length > 0) add(ratio.meterId, ratio.firstMs);
  }
  for (const { code, meterId, readAtMs } of exceptions) {
    if (formCodes.some((each) => each === code)) add(meterId, readAtMs);
  }
  for (const { code, meterId, fromMs } of events) {
    if (code === voltageRestored) add(meterId, fromMs);
  }
  for (const { reason, meterId, fromDay } of duties) {
    if (reason === retryReason) add(meterId, Math.max(0, fromDay) * dayMs);
  }
  await upsertMultipliers(tx, ratios);
  const fresh = await insertVersions(tx, advanced.flatMap(versionsIn));
  return [...places, ...fresh, ...advanced.flatMap(editsIn)];
}
