import type { SeriesDay } from '../../src/domain/series/day.ts';
import { decodeDay } from '../../src/domain/series/dayCodec.ts';
import { withNewest } from '../../src/domain/series/newestReading.ts';
import { walkDays } from '../../src/domain/series/walk.ts';
import { outagesOf, seriesOf, suppliedMs } from './auditedSeries.ts';
import type { AuditedMeter, Winner } from './auditedSeries.ts';
import type { Point } from './auditedWalk.ts';
import { believe } from './auditor.ts';
import type { Books } from './auditor.ts';
import type { Breach, Reader } from './invariants.ts';

/**
 * The series against the journal, in every world: each slot has the winners that the auditor finds
 * by comparing all that was acknowledged, whatever came first; its slots sum to the difference of
 * the register and none is below nothing; and an outage that a meter's own log tells of is zero.
 */
type Stored = { readonly days: SeriesDay[] };

const quarterMs = 900_000;
const dayMs = 86_400_000;
const voided = 4;
const registerStepWh = 100;

async function readSeries(admin: Reader): Promise<ReadonlyMap<number, Stored>> {
  const rows = await admin<
    { meterId: number; day: number; bytes: Uint8Array; newest: Uint8Array | null }[]
  >`
    select d.meter_id as "meterId", d.day, d.bytes, h.newest
    from series_day d left join series_head h using (meter_id, channel)
    where d.channel = 1 order by d.meter_id, d.day`;
  const series = new Map<number, Stored>();
  for (const { meterId, newest, ...day } of rows) {
    const stored = series.get(meterId) ?? { days: [] };
    series.set(meterId, stored);
    stored.days.push(decodeDay(withNewest(day, newest)));
  }
  return series;
}

/** As text: instant, value, quality, revision of the first and the last reading of each slot. */
function storedReadings({ days }: Stored): string[] {
  const told: string[] = [];
  for (const day of days) {
    for (const [place, offsetMs] of day.offsetMs.entries()) {
      const isRepeated = place % 2 === 1 && day.offsetMs[place - 1] === offsetMs;
      if (offsetMs === -1 || isRepeated) continue;
      const wh = day.quality[place] === voided ? 'void' : day.wh[place];
      told.push(`${day.day * dayMs + offsetMs} ${wh} ${day.quality[place]} ${day.revision[place]}`);
    }
  }
  return told;
}

function expectedReadings(series: readonly Winner[][]): string[] {
  return series
    .flat()
    .map(({ atMs, wh, quality, revision }) =>
      [atMs, quality === voided ? 'void' : wh, quality, revision].join(' '),
    );
}

function findWinnerBreach(
  meter: AuditedMeter,
  stored: Stored,
  series: readonly Winner[][],
): Breach | null {
  const [are, shouldBe] = [storedReadings(stored), expectedReadings(series)];
  for (const at of Array(Math.max(are.length, shouldBe.length)).keys()) {
    if (are[at] === shouldBe[at]) continue;
    const detail = `meter ${meter.meterId} has ${are[at]}, expected ${shouldBe[at]}`;
    return { code: 'SERIES_NOT_ITS_READINGS', detail };
  }
  return null;
}

/** Whole slots of a silence between two believed values in which the supply was gone. */
function darkSlots(
  stretches: readonly (readonly Point[])[],
  outages: ReturnType<typeof outagesOf>,
) {
  const dark: number[] = [];
  for (const stretch of stretches) {
    for (const [at, right] of stretch.entries()) {
      const left = stretch[at - 1];
      const isSilence = left !== undefined && right.atMs - left.atMs > 2 * quarterMs;
      if (!isSilence || right.isThroughFactors === true) continue;
      const inside = outages.filter(({ fromMs, toMs }) => fromMs < right.atMs && toMs > left.atMs);
      const covers = ({ fromMs, toMs }: (typeof inside)[number], slot: number): boolean =>
        fromMs <= slot * quarterMs && toMs >= (slot + 1) * quarterMs;
      // Out from end to end while the register counted: the clock of the log is wrong.
      const isWhole = suppliedMs(left.atMs, right.atMs, inside) === 0;
      if (isWhole && right.wh > left.wh) continue;
      const first = Math.floor(left.atMs / quarterMs) + 1;
      for (let slot = first; (slot + 1) * quarterMs <= right.atMs; slot += 1) {
        if (inside.some((outage) => covers(outage, slot))) dark.push(slot);
      }
    }
  }
  return dark;
}

function findEnergyBreach(
  meter: AuditedMeter,
  { days }: Stored,
  { books, series }: { books: Books; series: readonly Winner[][] },
): { readonly breach: Breach | null; readonly dark: number } {
  const { meterId, powerMaxW, modulusWh, marks } = meter;
  const registerModulusWh = modulusWh === null ? null : Number(modulusWh);
  const walked = walkDays(days, null, {
    powerMaxW,
    registerStepWh,
    registerModulusWh,
    marks,
  });
  const { firstSlot, slotWh, slotQuality, tailWh } = walked;
  const { stretches } = believe(meter, series.flat(), marks);
  const differenceWh = stretches.reduce(
    (sum, stretch) => sum + (stretch.at(-1)?.wh ?? 0n) - (stretch[0]?.wh ?? 0n),
    0n,
  );
  const known = slotWh.filter((wh) => !Number.isNaN(wh));
  const sumWh = known.reduce((sum, wh) => sum + wh, 0) + (walked.tailSlot === -1 ? 0 : tailWh);
  const breach = (code: string, detail: string) => ({ breach: { code, detail }, dark: 0 });
  if (known.some((wh) => wh < 0) || tailWh < 0) {
    return breach('REGISTER_RAN_BACKWARDS', `meter ${meterId} has a slot below nothing`);
  }
  if (BigInt(sumWh) !== differenceWh) {
    const detail = `meter ${meterId}: slots sum to ${sumWh}, the register went ${differenceWh}`;
    return breach('SLOTS_NOT_THEIR_REGISTER', detail);
  }
  const dark = darkSlots(stretches, outagesOf(meter, books));
  for (const slot of dark) {
    const at = slot - firstSlot;
    if (slotWh[at] === 0 && slotQuality[at] === 0) continue;
    const detail = `meter ${meterId} slot ${slot} has ${slotWh[at]} Wh, quality ${slotQuality[at]}`;
    return breach('OUTAGE_NOT_ZERO', detail);
  }
  return { breach: null, dark: dark.length };
}

/** When everything is rated. */
export async function findSeriesBreach(
  admin: Reader,
  books: Books,
): Promise<{ readonly breach: Breach | null; readonly darkSlots: number }> {
  const stored = await readSeries(admin);
  const known = new Map(books.meters.map((meter) => [meter.meterId, meter]));
  let dark = 0;
  for (const meterId of stored.keys()) {
    if (known.has(meterId)) continue;
    const breach = { code: 'SERIES_OF_NOBODY', detail: `meter ${meterId}` };
    return { breach, darkSlots: dark };
  }
  for (const meter of books.meters) {
    const series = seriesOf(meter, books);
    const days = stored.get(meter.meterId) ?? { days: [] };
    const winner = findWinnerBreach(meter, days, series);
    const energy = findEnergyBreach(meter, days, { books, series });
    const breach = winner ?? energy.breach;
    if (breach !== null) return { breach, darkSlots: dark };
    dark += energy.dark;
  }
  return { breach: null, darkSlots: dark };
}

/**
 * Energy that is charged was read: a register of the place stands between two believed values
 * somewhere in the month of the charge.
 */
export function findUnreadCharge(
  books: Books,
  charges: ReadonlyMap<string, string>,
): Breach | null {
  const spans = new Map<string, { fromMs: number; toMs: number }[]>();
  for (const meter of books.meters) {
    const { stretches } = believe(meter, seriesOf(meter, books).flat(), meter.marks);
    const known = spans.get(meter.servicePoint) ?? [];
    spans.set(meter.servicePoint, known);
    for (const stretch of stretches) {
      known.push({ fromMs: stretch[0].atMs, toMs: stretch[stretch.length - 1].atMs });
    }
  }
  for (const [key, said] of charges) {
    const [agreementId, , periodStartMs] = key.split('/').map(Number);
    const { servicePoint } = books.agreements.find((one) => one.agreementId === agreementId) ?? {};
    const endMs = periodStartMs + 31 * dayMs + 3_600_000;
    const isRead = spans
      .get(servicePoint ?? '')
      ?.some(({ fromMs, toMs }) => fromMs < endMs && toMs > periodStartMs);
    if (said.startsWith('0 ') || isRead === true) continue;
    return { code: 'CHARGE_WITHOUT_READING', detail: `${key}: ${said}` };
  }
  return null;
}
