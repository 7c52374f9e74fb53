import { findFirstCharge, writeHolds } from '../../db/charges.ts';
import type { HeldRow } from '../../db/charges.ts';
import type { Statement } from '../../db/connect.ts';
import { assert } from '../../domain/assert.ts';
import { formatMicros } from '../../domain/exact.ts';
import type { judgeLoad } from '../../domain/judge/judge.ts';
import { judgedMonthsMax, keyZoneDifferenceMicrosMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { flows } from '../../domain/rating/load.ts';
import type { Load } from '../../domain/rating/load.ts';
import { slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { attributesShape } from '../../domain/tariff/shape.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { localTextAt } from '../../domain/time/localText.ts';
import { findHeld } from '../vee/findHeld.ts';
import { readSeriesPrices } from './readSeriesPrices.ts';
import { documentOf, metersAt } from './registry.ts';
import type { RatingMemory } from './registry.ts';
import type { ChargeDelta, ClosedBill, RatedChains } from './rateChains.ts';
import { readWholeLoads } from './wholeLoad.ts';

type JudgeContext = {
  readonly memory: RatingMemory;
  readonly judge: typeof judgeLoad;
  readonly nowMs: number;
};

/** No calendar month is longer, so that so many of them reach back far enough. */
const monthMs = 31 * dayMs;

/** The versions of an agreement's tariff as people wrote them, each with its own time. */
function documentTextsOf(memory: RatingMemory, { segment }: ClosedBill, zone: string): unknown[] {
  const versions = memory.versions.get(segment.agreement.tariffId) ?? [];
  return versions.map(({ document, validFromMs, zone: own }, index) => {
    const next = versions[index + 1];
    const clock = own ?? zone;
    const text = typeof document === 'object' && document !== null ? document : {};
    const { validTo: _, ...rest } = { validTo: null, ...text };
    const validFrom = localTextAt(clock, validFromMs);
    const until = next === undefined ? {} : { validTo: localTextAt(clock, next.validFromMs) };
    return { ...rest, validFrom, ...until };
  });
}

/** What is measured from the first bill that counts for this one, to its end. */
async function loadFor(
  tx: Statement,
  memory: RatingMemory,
  { charge, segment, rated }: ClosedBill,
): Promise<{ readonly load: Load; readonly fromMs: number; readonly toMs: number }> {
  const { row } = charge;
  const startMs = slotStartMs(segment.firstSlot);
  let fromMs = startMs;
  if (rated.row.carryOut !== null) {
    const firstMs = await findFirstCharge(tx, row.agreementId);
    const earliestMs = startMs - judgedMonthsMax * monthMs;
    const { validFromMs, tariffId } = segment.agreement;
    const [version] = memory.versions.get(tariffId) ?? [];
    fromMs = Math.max(
      validFromMs,
      version?.validFromMs ?? 0,
      Math.min(startMs, Math.max(firstMs ?? startMs, earliestMs)),
    );
  }
  const toMs = slotStartMs(segment.endSlot);
  const meters = metersAt(memory, segment.agreement.servicePointId);
  const bill = { meters, flows, firstSlot: slotOf(fromMs), endSlot: segment.endSlot };
  const [whole] = await readWholeLoads(tx, [bill]);
  const { energies } = whole;
  const load = {
    fromMs,
    intervalMs: slotMs,
    unitsPerWh: 1,
    import: energies.import,
    export: energies.export ?? null,
    reactive: energies.reactive ?? null,
    estimated: energies.estimated ?? null,
  };
  return { load, fromMs, toMs };
}

/** The bill's total by the second engine, in micro-units. */
async function judgedMicros(
  tx: Statement,
  { memory, judge }: JudgeContext,
  closed: ClosedBill,
): Promise<Outcome<bigint, string>> {
  const { segment } = closed;
  const { row } = closed.charge;
  const meter = memory.meters.get(row.meterId);
  assert(meter !== undefined, 'a charged meter is registered');
  const zone = meter.timeZone;
  const { load, fromMs, toMs } = await loadFor(tx, memory, closed);
  const document = documentOf(memory, segment.version);
  if (!document.ok) return document;
  const { companyId, attributes } = segment.agreement;
  const documents = [document.value];
  const prices = await readSeriesPrices(tx, { companyId, documents, fromMs, toMs });
  const judgeUntil = (untilMs: number) =>
    judge({
      documents: documentTextsOf(memory, closed, zone),
      load,
      zone,
      fromMs,
      toMs: untilMs,
      attributes: attributesShape.parse(attributes),
      idle: closed.idle,
      prices,
    });
  const judged = judgeUntil(toMs);
  if (!judged.ok) return judged;
  const bill = judged.value.bills.at(-1);
  assert(bill !== undefined, 'a judged load has a bill');
  const startMs = slotStartMs(segment.firstSlot);
  // The judge tells a month's versions as one bill: what came before this one is taken off.
  const before = bill.fromMs < startMs ? judgeUntil(startMs) : null;
  if (before?.ok === false) return before;
  const totalBefore = before?.value.bills.at(-1)?.total ?? 0;
  const micros = bill.total.minus(totalBefore).times(1_000_000);
  return accept(BigInt(micros.toDecimalPlaces(0).toString()));
}

type Doubt = Pick<HeldRow, 'code' | 'message' | 'differenceMicros'>;

/** Why a closed bill of a key zone may not be posted; null where both engines agree. */
async function doubtOf(
  tx: Statement,
  context: JudgeContext,
  closed: ClosedBill,
): Promise<Doubt | null> {
  const { row } = closed.charge;
  const judged = await judgedMicros(tx, context, closed);
  if (!judged.ok) {
    const message = `The second engine refused it: ${judged.code}. ${judged.message}`;
    return { code: 'CHARGE_HELD', message, differenceMicros: null };
  }
  const difference = judged.value - row.amountMicros;
  const size = difference < 0n ? -difference : difference;
  if (size < keyZoneDifferenceMicrosMax) return null;
  const message =
    `The engines differ: ${formatMicros(row.amountMicros, 2)} and ` +
    `${formatMicros(judged.value, 2)}. ` +
    'Nothing of it is posted until they agree; look at its lines.';
  return { code: 'CHARGE_HELD', message, differenceMicros: difference };
}

function keyOf({ row }: ChargeDelta) {
  const { agreementId, meterId, periodStartMs, tariffVersionId, companyId } = row;
  return { agreementId, meterId, periodStartMs, tariffVersionId, companyId };
}

/** A held bill as it is posted: what the engines doubt stays as it was, what readings do goes. */
function asHeld(charge: ChargeDelta, { code }: HeldRow): ChargeDelta {
  const postedMicros = charge.row.amountMicros - charge.deltaMicros;
  const amountMicros = code === 'VEE_HELD' ? 0n : postedMicros;
  const deltaMicros = amountMicros - postedMicros;
  return { ...charge, row: { ...charge.row, amountMicros }, deltaMicros };
}

/**
 * The charges as they may be posted. Of a key zone, a closed bill on which the two engines differ
 * keeps the amount that it had; a closed bill behind which validation doubts a reading asks for
 * nothing until it is released or no longer found, so that what is posted does not depend on what
 * came first. Both are shown; all others are released.
 */
export async function holdDoubtful(
  tx: Statement,
  rated: RatedChains,
  context: JudgeContext,
): Promise<readonly ChargeDelta[]> {
  const wereClosed = rated.charges.filter(({ wasClosed }) => wasClosed);
  if (rated.closed.length === 0 && wereClosed.length === 0) return rated.charges;
  const held = new Map<ChargeDelta, HeldRow>();
  for (const [charge, message] of await findHeld(tx, rated.closed)) {
    held.set(charge, { ...keyOf(charge), code: 'VEE_HELD', message, differenceMicros: null });
  }
  for (const closed of rated.closed) {
    const isKeyZone = context.memory.meters.get(closed.charge.row.meterId)?.isKeyZone === true;
    const doubt = isKeyZone ? await doubtOf(tx, context, closed) : null;
    if (doubt !== null) held.set(closed.charge, { ...keyOf(closed.charge), ...doubt });
  }
  // One that is open again, or was given back, is held no longer, either.
  const released = [...rated.closed.map(({ charge }) => charge), ...wereClosed]
    .filter((charge) => !held.has(charge))
    .map(({ row }) => row);
  const holds = { held: [...held.values()], released };
  await writeHolds(tx, holds, context.nowMs);
  return rated.charges.map((charge) => {
    const hold = held.get(charge);
    return hold === undefined ? charge : asHeld(charge, hold);
  });
}
