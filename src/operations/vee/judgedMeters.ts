import type { Transaction } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readHeads } from '../../db/series.ts';
import type { VeeDuty } from '../../db/veeFacts.ts';
import { readClosedPeriods, readSiblings } from '../../db/veeWindows.ts';
import { importChannel } from '../../domain/channel.ts';
import { veeDaysPerStepMax } from '../../domain/vee/limits.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { registerKey } from '../rating/gatherReadings.ts';
import { metersAt } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';
import type { JudgedWindow } from './decisionRow.ts';
import { billedChannels, knownDays, readKnownDays } from './knownDays.ts';
import { localDayAt } from './noteDuties.ts';
import { channelsOf, readSentFacts, RegisterFacts } from './sentFacts.ts';
import type { SentFacts } from './sentFacts.ts';

/** Beside import: a register that the meter has, and its first UTC day. */
type Sibling = { readonly channel: number; readonly firstDay: number };

/** What is judged of one register in one step. */
export type JudgedRegister = {
  readonly meter: RatedMeter;
  readonly channel: number;
  /** Of the duty, at the begin of a local day. */
  readonly fromMs: number;
  readonly windows: readonly JudgedWindow[];
  /** Of import: the others that must be known where it is. */
  readonly siblings: readonly Sibling[];
  readonly sent: RegisterFacts;
};

export type JudgedMeter = {
  readonly meter: RatedMeter;
  readonly fromMs: number;
  readonly registers: readonly JudgedRegister[];
  /** Where the duty goes on in the next step; null: this was all of it. */
  readonly nextFromMs: number | null;
};

type Stretch = {
  readonly fromMs: number;
  readonly untilMs: number | null;
  /** Local days that are complete, of one register at least. */
  readonly days: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Begins of closed bills. */
  readonly bills: readonly number[];
};

/** Local days that are complete, and closed bills: what ends in (fromMs, untilMs]. */
function completeWindows(
  { timeZone }: RatedMeter,
  { days, bills }: Stretch,
  {
    sinceMs,
    billsSinceMs,
    settledMs,
  }: { readonly sinceMs: number; readonly billsSinceMs: number; readonly settledMs: number },
): JudgedWindow[] {
  const complete: JudgedWindow[] = days
    .filter(({ fromMs, toMs }) => fromMs >= sinceMs && toMs <= settledMs)
    .map((day) => ({ kind: 'day', ...day }));
  for (const periodStartMs of bills) {
    const { startMs, endMs } = billingPeriodAt(timeZone, periodStartMs);
    if (startMs >= billsSinceMs) complete.push({ kind: 'bill', fromMs: startMs, toMs: endMs });
  }
  return complete;
}

/** Days that are not complete, and of which there is something to say all the same. */
function openWindows(
  { timeZone }: RatedMeter,
  { fromMs, untilMs }: Stretch,
  { sent, windows }: { readonly sent: RegisterFacts; readonly windows: readonly JudgedWindow[] },
): JudgedWindow[] {
  const complete = new Set(
    windows.flatMap((window) => (window.kind === 'day' ? window.fromMs : [])),
  );
  const found = new Map<number, JudgedWindow>();
  for (const atMs of sent.instants()) {
    const { firstSlot, endSlot } = localDayAt(timeZone, atMs);
    const [startMs, toMs] = [slotStartMs(firstSlot), slotStartMs(endSlot)];
    if (toMs <= fromMs || (untilMs !== null && toMs > untilMs)) continue;
    if (complete.has(startMs)) continue;
    found.set(startMs, { kind: 'day', fromMs: startMs, toMs, isOpen: true });
  }
  return [...found.values()];
}

type Known = {
  /** By register: where its settled slots end. */
  readonly settledMs: ReadonlyMap<number, number>;
  readonly siblings: ReadonlyMap<number, readonly Sibling[]>;
  readonly facts: SentFacts;
};

function registersOf(
  meter: RatedMeter,
  stretch: Stretch,
  { settledMs, siblings: allSiblings, facts }: Known,
  importFromMs: number,
): JudgedRegister[] {
  const siblings = allSiblings.get(meter.meterId) ?? [];
  const firstDays = new Map(siblings.map(({ channel, firstDay }) => [channel, firstDay]));
  const channels = new Set([
    ...billedChannels.filter((channel) => channel === importChannel || firstDays.has(channel)),
    ...channelsOf(facts, meter.meterId),
  ]);
  return [...channels].map((channel) => {
    const sent = new RegisterFacts(facts, meter, channel);
    const isImport = channel === importChannel;
    const ends = settledMs.get(registerKey(meter.meterId, channel)) ?? -Infinity;
    // Before its first reading a register lacks nothing: there is none. Bills miss import all the
    // same: somebody is asked to pay.
    const besideMs = (firstDays.get(channel) ?? Infinity) * dayMs;
    const sinceMs = isImport ? importFromMs : besideMs;
    const billsSinceMs = isImport ? -Infinity : besideMs;
    const isBilled = billedChannels.some((each) => each === channel);
    const own = isImport
      ? stretch
      : {
          ...stretch,
          bills: stretch.bills.filter(
            (startMs) => billingPeriodAt(meter.timeZone, startMs).endMs <= ends,
          ),
        };
    const since = { sinceMs, billsSinceMs, settledMs: ends };
    const windows = isBilled ? completeWindows(meter, own, since) : [];
    return {
      meter,
      channel,
      fromMs: stretch.fromMs,
      windows: [...windows, ...openWindows(meter, stretch, { sent, windows })],
      siblings: isImport ? siblings : [],
      sent,
    };
  });
}

async function settledEnds(
  tx: Transaction,
  meterIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>();
  for (const channel of billedChannels) {
    for (const { meterId, carry } of await readHeads(tx, { meterIds, channel })) {
      const decoded = decodeCarry(carry);
      const endMs = decoded === null ? 0 : slotStartMs(decoded.boundarySlot);
      ends.set(registerKey(meterId, channel), endMs);
    }
  }
  return ends;
}

/** The windows of these duties, as many as one step may take. */
export async function judgedMeters(
  tx: Transaction,
  memory: RatingMemory,
  duties: readonly VeeDuty[],
): Promise<readonly JudgedMeter[]> {
  const meterIds = duties.map(({ meterId }) => meterId);
  const known = duties.flatMap((duty) => {
    const meter = memory.meters.get(duty.meterId);
    return meter === undefined ? [] : [{ ...duty, meter }];
  });
  const closed = await readClosedPeriods(
    tx,
    known.map(({ meter, fromMs }) => ({
      meterId: metersAt(memory, meter.servicePointId)[0].meterId,
      fromMs: billingPeriodAt(meter.timeZone, fromMs).startMs,
    })),
  );
  const facts: Known = {
    settledMs: await settledEnds(tx, meterIds),
    siblings: Map.groupBy(await readSiblings(tx, meterIds), ({ meterId }) => meterId),
    facts: await readSentFacts(
      tx,
      known.map(({ meterId, meter, fromMs }) => ({
        meterId,
        fromMs: billingPeriodAt(meter.timeZone, fromMs).startMs,
      })),
    ),
  };
  const daysOf = await readKnownDays(tx, known);
  let daysLeft = veeDaysPerStepMax;
  return known.map(({ meter, fromMs }, index) => {
    const ends = billedChannels.map(
      (channel) => facts.settledMs.get(registerKey(meter.meterId, channel)) ?? 0,
    );
    const days = daysOf[index];
    const complete = knownDays(meter.timeZone, days, { fromMs, untilMs: Math.max(...ends) });
    const taken = complete.slice(0, Math.max(1, daysLeft));
    daysLeft -= taken.length;
    const untilMs = taken.length < complete.length ? (taken.at(-1)?.toMs ?? null) : null;
    const bills = (closed.get(index) ?? []).filter((startMs) => {
      const { endMs } = billingPeriodAt(meter.timeZone, startMs);
      return endMs > fromMs && (untilMs === null || endMs <= untilMs);
    });
    const stretch = { fromMs, untilMs, days: taken, bills };
    const registers = registersOf(meter, stretch, facts, days.importFromMs ?? Infinity);
    return { meter, fromMs, registers, nextFromMs: untilMs };
  });
}
