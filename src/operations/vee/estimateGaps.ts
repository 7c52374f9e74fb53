import type { Transaction } from '../../db/connect.ts';
import { withdrawDecisions, writeDecisions } from '../../db/veeDecisions.ts';
import type { DecidedScope, DecisionRow, HoldNews } from '../../db/veeDecisions.ts';
import { assert } from '../../domain/assert.ts';
import { importChannel, intervalEnergyChannel } from '../../domain/channel.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { shortGapSlotsMax } from '../../domain/vee/limits.ts';
import { slotMs, slotOf, slotsPerDay, slotStartMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { SeriesDay } from '../../domain/series/day.ts';
import type { GapShape } from '../../domain/series/gapShape.ts';
import { walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';
import type { GapClosed, WalkCarry } from '../../domain/series/walk.ts';
import { describeGap, validateEstimate } from '../../domain/vee/estimate.ts';
import { historyDaysOf } from '../../domain/vee/set.ts';
import { shapeGap } from '../../domain/vee/shapeGap.ts';
import type { GapInput } from '../../domain/vee/shapeGap.ts';
import { advanceRegister } from '../rating/advanceRegister.ts';
import type { OpenDay } from '../rating/advanceRegister.ts';
import { advancedBy } from '../rating/advanceRegisters.ts';
import type { AdvancedRegister } from '../rating/advanceRegisters.ts';
import { decisionOf } from './decisionRow.ts';
import { firstSlotOfDay, intervalsOf, outagesOf, readIntervals, readSlots } from './gapFacts.ts';
import type { OutagesByMeter } from './gapFacts.ts';
import { SlotHistory } from './slotHistory.ts';
import { loadVeeRules } from './veeSets.ts';
import type { VeeRules } from './veeSets.ts';

type Facts = {
  readonly rules: VeeRules;
  readonly outages: OutagesByMeter;
  /** Days of channel 257 by meter. */
  readonly intervals: ReadonlyMap<number, readonly SeriesDay[]>;
};

/** What no method could say: as even as time, which the walk does by itself. */
function isPlain({ weights, quality }: GapShape): boolean {
  return (
    weights.every((weight) => weight === 0) && quality.every((each) => each === qualityEstimated)
  );
}

function gapSpan({ work, advance }: AdvancedRegister) {
  const fromMs = Math.min(...advance.gaps.map((gap) => gap.fromMs));
  const toMs = Math.max(...advance.gaps.map((gap) => gap.toMs));
  return { meterId: work.meter.meterId, fromMs, toMs };
}

async function loadFacts(
  tx: Transaction,
  advanced: readonly AdvancedRegister[],
  open: readonly AdvancedRegister[],
): Promise<Facts> {
  const spans = open.map(gapSpan);
  const inHand = new Map(
    advanced
      .filter(({ work }) => work.channel.code === intervalEnergyChannel)
      .map(({ work, walked }) => [work.meter.meterId, walked.days.map(({ series }) => series)]),
  );
  return {
    rules: await loadVeeRules(
      tx,
      open.map(({ work }) => work.meter),
    ),
    outages: await outagesOf(tx, spans),
    intervals: await readIntervals(tx, spans, inHand),
  };
}

/** The slots before each register's gaps, as far as its set looks back. */
async function loadHistories(
  tx: Transaction,
  open: readonly AdvancedRegister[],
  { rules }: Facts,
): Promise<readonly SlotHistory[]> {
  const wanted = open.map(({ work: { meter, channel }, walked, advance }) => {
    const [firstDay] = walked.days;
    // What is walked now was stored as it was before, and is not heard of. The walk begins with
    // the carry: a day that lies behind it is only written.
    const firstWalked = walked.carryIn?.boundarySlot ?? firstSlotOfDay(firstDay.day);
    const historyDays = Math.max(
      ...advance.gaps.map(({ toMs }) => historyDaysOf(rules.setAt(meter, toMs))),
    );
    const firstGapMs = Math.min(...advance.gaps.map(({ fromMs }) => fromMs));
    // The slot before the gap is asked for by every set, and may be of the day before.
    const beforeDay = dayOf(slotStartMs(slotOf(firstGapMs) - 1));
    const firstGapDay = dayOf(firstGapMs);
    const throughDay = dayOf(slotStartMs(firstWalked));
    const isShort = advance.gaps.every(isShortGap);
    const fromDay = isShort
      ? Math.min(beforeDay, throughDay)
      : Math.max(0, Math.min(beforeDay, firstGapDay - historyDays));
    const lastDay = walked.days[walked.days.length - 1].day;
    const into = new SlotHistory({
      firstSlot: firstSlotOfDay(Math.min(fromDay, throughDay)),
      endSlot: firstSlotOfDay(lastDay + 1),
    });
    return { meter, channel: channel.code, fromDay, throughDay, firstWalked, into };
  });
  await readSlots(
    tx,
    wanted.filter(({ fromDay, throughDay }) => fromDay <= throughDay),
  );
  for (const { into, firstWalked } of wanted) into.forgetFrom(firstWalked);
  return wanted.map(({ into }) => into);
}

/**
 * Meters that are read by the hour have such gaps all the time. Days before have little to say
 * within an hour, and reading weeks of them for each reading would cost more than all the rest.
 */
function isShortGap({ fromMs, toMs }: GapClosed): boolean {
  return toMs - fromMs <= shortGapSlotsMax * slotMs;
}

type Shaping = {
  readonly register: AdvancedRegister;
  readonly facts: Facts;
  readonly history: SlotHistory;
  readonly decisions: DecisionRow[];
};

/** The first whole slot behind a gap's end. */
function slotAfter({ toMs }: GapClosed): number {
  return Math.ceil(toMs / slotMs);
}

/**
 * A shape for a gap, and what is to be said about it; null where no method could say anything, and
 * none will when the slot behind the gap is known.
 */
function shape(shaping: Shaping, gap: GapClosed, day: number): GapShape | null {
  const { register, facts, history, decisions } = shaping;
  const { meter, channel } = register.work;
  const set = facts.rules.setAt(meter, gap.toMs);
  const firstSlot = slotOf(gap.fromMs);
  const historySlots = historyDaysOf(set) * slotsPerDay;
  const orNull = (wh: number): number | null => (Number.isNaN(wh) ? null : wh);
  const after = slotAfter(gap);
  const isImport = channel.code === importChannel;
  const input: GapInput = {
    fromMs: gap.fromMs,
    toMs: gap.toMs,
    differenceWh: gap.differenceWh,
    zone: meter.timeZone,
    outages: facts.outages.get(meter.meterId) ?? [],
    intervals: isImport ? intervalsOf(facts.intervals.get(meter.meterId) ?? [], gap) : null,
    history: isShortGap(gap) ? null : history.between(firstSlot - historySlots, firstSlot),
    beforeWh: orNull(history.measuredAt(firstSlot - 1)),
    // A later day must not reach back: only this day's own readings are looked at.
    afterWh: after < firstSlotOfDay(day + 1) ? orNull(history.measuredAt(after)) : null,
  };
  const shaped = shapeGap(set, input);
  const awaits = input.beforeWh !== null && input.afterWh === null;
  const kept = isPlain(shaped) && !awaits ? null : shaped;
  // The hour between two readings of a meter that is read by the hour is nobody's decision.
  if (isPlain(shaped) && isShortGap(gap)) return kept;
  const window = { kind: 'gap', fromMs: gap.fromMs, toMs: gap.toMs } as const;
  const of = { meterId: meter.meterId, companyId: meter.companyId, channel: channel.code };
  const findings = [
    describeGap(input, shaped),
    ...validateEstimate(set, input, { shape: shaped, powerMaxW: meter.powerMaxW }),
  ];
  decisions.push(...findings.map((finding) => decisionOf(of, window, finding)));
  return kept;
}

/** Walks a day until each of its gaps has a shape, or none to say anything. */
function shapeDay(shaping: Shaping, open: OpenDay, carryIn: WalkCarry): WalkCarry {
  const { meter, channel } = shaping.register.work;
  const options = walkOptionsOf(meter, channel.code);
  const done = new Set<number>();
  for (;;) {
    const walked = walkDays([open.series], carryIn, options);
    shaping.history.put(walked);
    const gap = walked.gaps.find(({ toMs }) => !done.has(toMs));
    if (gap === undefined) return walked.carryOut;
    done.add(gap.toMs);
    const shaped = shape(shaping, gap, open.day);
    if (shaped === null) continue;
    open.series.shapes = [...open.series.shapes, shaped].toSorted((a, b) => a.toMs - b.toMs);
    open.isWritten = true;
  }
}

function estimate(shaping: Shaping): AdvancedRegister {
  const { register } = shaping;
  const { days, carryIn } = register.walked;
  let carry = carryIn;
  for (const open of days) carry = shapeDay(shaping, open, carry);
  const { meter, channel } = register.work;
  const advance = advanceRegister({ meter, channel: channel.code }, days, carryIn);
  // Shapes move energy between slots; what was not believed stays as it was told, edits' too.
  const { exceptions } = register.advance;
  return advancedBy(register, { ...advance, exceptions });
}

function scopeOf({ work, gapsFromMs }: AdvancedRegister): DecidedScope {
  const afterMs = Math.max(0, gapsFromMs) - 1;
  const { meter, channel } = work;
  return { meterId: meter.meterId, channel: channel.code, afterMs, throughMs: instantMsMax - 1 };
}

export type Estimated = {
  readonly advanced: readonly AdvancedRegister[];
  /** Of estimates that did not pass validation themselves. */
  readonly news: readonly HoldNews[];
};

/**
 * Lays the energy of each silence of more than two slots over it, by the set of the meter's class:
 * the shape goes into the day of the reading that ends the silence, and the register is walked
 * again. Shapes behind a change are worked out anew in the order of time, from what lies before
 * each of them: a function of readings, events, marks and sets, whatever came first.
 */
export async function estimateGaps(
  tx: Transaction,
  advanced: readonly AdvancedRegister[],
  nowMs: number,
): Promise<Estimated> {
  const open = advanced.filter(({ advance }) => advance.gaps.length > 0);
  const judged = advanced.filter((each) => each.isRecomputed || each.advance.gaps.length > 0);
  if (judged.length === 0) return { advanced, news: [] };
  const decisions: DecisionRow[] = [];
  const estimated = new Map<AdvancedRegister, AdvancedRegister>();
  if (open.length > 0) {
    const facts = await loadFacts(tx, advanced, open);
    const histories = await loadHistories(tx, open, facts);
    for (const [index, register] of open.entries()) {
      const history = histories[index];
      assert(history !== undefined, 'each register with gaps has a history');
      estimated.set(register, estimate({ register, facts, history, decisions }));
    }
  }
  const scopes = judged.map(scopeOf);
  const gone = await withdrawDecisions(tx, 'gaps', { scopes, kept: decisions, nowMs });
  const made = await writeDecisions(tx, decisions, nowMs);
  return {
    advanced: advanced.map((each) => estimated.get(each) ?? each),
    news: [...gone, ...made],
  };
}
