import type { Statement } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readDaysAroundEach } from '../../db/seriesAround.ts';
import type { ChannelDays, DayAround } from '../../db/seriesAround.ts';
import { assertNever } from '../../domain/assert.ts';
import {
  exportChannel,
  importChannel,
  q1Channel,
  q2Channel,
  q3Channel,
  q4Channel,
} from '../../domain/channel.ts';
import type { ChannelCode } from '../../domain/channel.ts';
import type { Flow } from '../../domain/rating/load.ts';
import type { SlotEnergies } from '../../domain/rating/kernel.ts';
import { slotsPerDay, slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';

/** A bill that is rated as a whole: whose slots, of which registers, from when to when. */
export type WholeBill = {
  readonly meters: readonly RatedMeter[];
  readonly flows: readonly Flow[];
  readonly firstSlot: number;
  readonly endSlot: number;
};

function channelOfFlow(flow: Flow): ChannelCode {
  switch (flow) {
    case 'import':
      return importChannel;
    case 'export':
      return exportChannel;
    case 'q1':
      return q1Channel;
    case 'q2':
      return q2Channel;
    case 'q3':
      return q3Channel;
    case 'q4':
      return q4Channel;
    default:
      return assertNever(flow);
  }
}

/** Slots [fromSlot, untilSlot) of it are known, gaps among them; the rest is not yet. */
export type WholeLoad = {
  readonly energies: SlotEnergies;
  readonly fromSlot: number;
  readonly untilSlot: number;
};

type Known = { fromSlot: number; untilSlot: number };

type Read = {
  readonly meter: RatedMeter;
  readonly channel: ChannelCode;
  readonly days: readonly DayAround[];
  readonly known: Known;
};

type Column = { readonly wh: Float64Array; readonly estimated: Uint8Array };

/**
 * Adds what one meter's channel says of a bill's slots, the open one up to its last reading
 * included: a slot is known as soon as one meter knows it.
 */
function addDays(column: Column, bill: WholeBill, read: Read): void {
  const { meter, channel, days, known } = read;
  const walked = walkDays(
    days.map(({ bytes }) => decodeDay(bytes)),
    decodeCarry(days[0].carryIn),
    walkOptionsOf(meter, channel),
  );
  const { wh, estimated } = column;
  const add = (slot: number, energyWh: number, isEstimated: boolean): void => {
    const at = slot - bill.firstSlot;
    if (at < 0 || at >= wh.length || Number.isNaN(energyWh)) return;
    wh[at] = Number.isNaN(wh[at]) ? energyWh : wh[at] + energyWh;
    if (isEstimated) estimated[at] = 1;
  };
  for (const [index, energyWh] of walked.slotWh.entries()) {
    const isEstimated = walked.slotQuality[index] >= qualityEstimated;
    add(walked.firstSlot + index, energyWh, isEstimated);
  }
  if (walked.carryOut === null) return;
  const { isTailKnown } = walked;
  if (isTailKnown) add(walked.tailSlot, walked.tailWh, false);
  known.fromSlot = Math.min(known.fromSlot, Math.max(bill.firstSlot, walked.firstSlot));
  known.untilSlot = Math.max(
    known.untilSlot,
    Math.min(bill.endSlot, walked.tailSlot + (isTailKnown ? 1 : 0)),
  );
}

function emptyColumn(bill: WholeBill, estimated: Uint8Array): Column {
  return { wh: new Float64Array(bill.endSlot - bill.firstSlot).fill(Number.NaN), estimated };
}

type Asked = { readonly bill: number; readonly meter: RatedMeter; readonly flow: Flow };

/** Whether the walk over some days comes to the end of what is asked, or may with further ones. */
function reaches(
  days: readonly DayAround[],
  { meter, flow }: Asked,
  { endSlot }: WholeBill,
): boolean {
  const channel = channelOfFlow(flow);
  const { carryOut } = walkDays(
    days.map(({ bytes }) => decodeDay(bytes)),
    decodeCarry(days[0].carryIn),
    walkOptionsOf(meter, channel),
  );
  return carryOut !== null && carryOut.lastAtMs >= slotStartMs(endSlot);
}

/**
 * The days of what is asked and around it. Where the day behind has no reading that is believed,
 * the next one is read too: the energy up to it flowed in the bill.
 */
async function readDays(
  tx: Statement,
  wanted: readonly ChannelDays[],
  { bills, asked }: { readonly bills: readonly WholeBill[]; readonly asked: readonly Asked[] },
): Promise<ReadonlyMap<number, readonly DayAround[]>> {
  const found = new Map<number, DayAround[]>();
  let open = wanted.map((each, index) => ({ ...each, index }));
  while (open.length > 0) {
    const read = new Map<number, DayAround[]>();
    for (const day of await readDaysAroundEach(tx, open)) {
      const { index } = open[day.wanted];
      const days = read.get(index) ?? [];
      read.set(index, days);
      days.push(day);
    }
    const further: typeof open = [];
    for (const each of open) {
      const days = read.get(each.index);
      const known = found.get(each.index)?.length ?? 0;
      if (days === undefined || days.length === known) continue;
      found.set(each.index, days);
      const lastDay = days[days.length - 1].day;
      const wantedBy = asked[each.index];
      // Days up to the end alone: nothing is stored behind them.
      const isLast = lastDay <= each.throughDay;
      if (isLast || reaches(days, wantedBy, bills[wantedBy.bill])) continue;
      further.push({ ...each, throughDay: lastDay });
    }
    open = further;
  }
  return found;
}

/** The energies of each bill's slots, the meters of its service point summed up. */
export async function readWholeLoads(
  tx: Statement,
  bills: readonly WholeBill[],
): Promise<readonly WholeLoad[]> {
  const asked: Asked[] = [];
  const wanted: ChannelDays[] = [];
  for (const [index, bill] of bills.entries()) {
    for (const meter of bill.meters) {
      for (const flow of bill.flows) {
        asked.push({ bill: index, meter, flow });
        wanted.push({
          meterId: meter.meterId,
          channel: channelOfFlow(flow),
          fromDay: Math.floor(bill.firstSlot / slotsPerDay),
          throughDay: Math.floor((bill.endSlot - 1) / slotsPerDay),
        });
      }
    }
  }
  const found = await readDays(tx, wanted, { bills, asked });
  const estimated = bills.map((bill) => new Uint8Array(bill.endSlot - bill.firstSlot));
  const columns = bills.map(() => new Map<Flow, Column>());
  const known = bills.map((bill): Known => ({ fromSlot: bill.endSlot, untilSlot: bill.firstSlot }));
  for (const [index, days] of found) {
    const { bill, meter, flow } = asked[index];
    const column = columns[bill].get(flow) ?? emptyColumn(bills[bill], estimated[bill]);
    columns[bill].set(flow, column);
    // What is known is import's: another register may lag behind by a reading.
    const own = { fromSlot: 0, untilSlot: 0 };
    addDays(column, bills[bill], {
      meter,
      channel: channelOfFlow(flow),
      days,
      known: flow === 'import' ? known[bill] : own,
    });
  }
  return bills.map((bill, index) => {
    const of = (flow: Flow): Float64Array | null => columns[index].get(flow)?.wh ?? null;
    const quadrants = [of('q1'), of('q2'), of('q3'), of('q4')];
    const isReactive = quadrants.some((quadrant) => quadrant !== null);
    // A quadrant that was never read has counted nothing.
    const orNothing = (wh: Float64Array | null): Float64Array =>
      wh ?? new Float64Array(bill.endSlot - bill.firstSlot);
    const energies: SlotEnergies = {
      import: of('import') ?? emptyColumn(bill, estimated[index]).wh,
      export: of('export'),
      reactive: isReactive
        ? {
            q1: orNothing(quadrants[0]),
            q2: orNothing(quadrants[1]),
            q3: orNothing(quadrants[2]),
            q4: orNothing(quadrants[3]),
          }
        : null,
      estimated: estimated[index],
      firstSlot: bill.firstSlot,
    };
    return { energies, ...known[index] };
  });
}
