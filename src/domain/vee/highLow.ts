import { slotMs, slotsPerDay } from '../rating/slot.ts';
import { measuredAt, slotsOf, sumOver } from './columns.ts';
import { dayCount, energyWh, percent } from './ruleShape.ts';
import type { Seen } from './finding.ts';
import type { WindowInput } from './window.ts';

export const highLowLimits = {
  /** Of the mean a day of the time before. */
  highPercentMax: percent.min(100).default(250),
  /** 0: nothing is too low. */
  lowPercentMin: percent.max(100).default(0),
  /** Known days before it that a mean needs. */
  historyDaysMin: dayCount.default(7),
  historyDaysMax: dayCount.default(56),
  /** Less a day is never too high: a freezer more is much of nearly nothing. */
  dailyWhMin: energyWh.default(1_000),
};

export type HighLowLimits = {
  readonly highPercentMax: number;
  readonly lowPercentMin: number;
  readonly historyDaysMin: number;
  readonly historyDaysMax: number;
  readonly dailyWhMin: number;
};

/** Energy over a time that need not be in one piece. */
type Usage = { readonly wh: bigint; readonly slots: bigint };

/** The slots before, or where nobody has them the closed bills that were measured. */
function usageBefore(limits: HighLowLimits, input: WindowInput): Usage {
  const end = slotsOf(input).from;
  let wh = 0;
  let slots = 0;
  if (input.history !== null) {
    const from = Math.max(input.history.firstSlot, end - limits.historyDaysMax * slotsPerDay);
    for (let slot = from; slot < end; slot += 1) {
      const slotWh = measuredAt(input.history, slot);
      if (Number.isNaN(slotWh)) continue;
      wh += slotWh;
      slots += 1;
    }
  }
  if (slots > 0) return { wh: BigInt(wh), slots: BigInt(slots) };
  const measured = input.bills.filter(({ isEstimated }) => !isEstimated);
  return {
    wh: measured.reduce((sum, bill) => sum + bill.wh, 0n),
    slots: measured.reduce(
      (sum, bill) => sum + BigInt(Math.floor((bill.toMs - bill.fromMs) / slotMs)),
      0n,
    ),
  };
}

/** What a day of it comes to, in whole Wh. */
function dailyWh({ wh, slots }: Usage): bigint {
  return (wh * BigInt(slotsPerDay)) / slots;
}

/** A day's use beside the use of a day before: average daily usage, as long as either window is. */
export function checkHighLow(limits: HighLowLimits, input: WindowInput): Seen | null {
  const range = slotsOf(input);
  const sum = sumOver(input.slots, range);
  const before = usageBefore(limits, input);
  if (sum.known === 0 || before.wh <= 0n) return null;
  if (before.slots < BigInt(limits.historyDaysMin * slotsPerDay)) return null;
  const now: Usage = { wh: BigInt(sum.wh), slots: BigInt(sum.known) };
  const share = now.wh * before.slots * 100n;
  const whole = before.wh * now.slots;
  const isHigh =
    share > whole * BigInt(limits.highPercentMax) && dailyWh(now) >= BigInt(limits.dailyWhMin);
  const isLow = share < whole * BigInt(limits.lowPercentMin);
  if (!isHigh && !isLow) return null;
  const unit = input.unit ?? 'Wh';
  const bound = isHigh
    ? `more than ${limits.highPercentMax} %`
    : `less than ${limits.lowPercentMin} %`;
  return {
    fromMs: input.fromMs,
    toMs: input.toMs,
    message:
      `${dailyWh(now)} ${unit} a day are ${share / whole} % of the ${dailyWh(before)} ${unit} ` +
      `a day before, ${bound}. Check the meter, the multiplier and who lives there.`,
    detail: {
      dailyWh: String(dailyWh(now)),
      dailyWhBefore: String(dailyWh(before)),
      percent: String(share / whole),
    },
    readingsAtMs: [],
  };
}
