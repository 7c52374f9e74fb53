import { parseDecimal } from '../exact.ts';
import { civilDateOf, dayMs, minuteMs } from '../time/civil.ts';
import { isKnownZone } from '../time/zone.ts';
import { wallClockMsOf } from './localTime.ts';
import { roundingLineName } from './readComponent.ts';
import { readE8 } from './readNumber.ts';
import { report, reportRepeated, within } from './refusal.ts';
import type { Spot } from './refusal.ts';
import type { ExampleShape } from './shape.ts';

const energyFields = [
  'importKwh',
  'exportKwh',
  'q1Kvarh',
  'q2Kvarh',
  'q3Kvarh',
  'q4Kvarh',
] as const;

type Span = { readonly fromMs: number; readonly toMs: number };

/** [from, to) of the wall clock; null with a report. */
function readSpan(spot: Spot, raw: { readonly from: string; readonly to: string }): Span | null {
  const fromMs = wallClockMsOf(raw.from);
  const toMs = wallClockMsOf(raw.to);
  if (fromMs === null || toMs === null) {
    const field = fromMs === null ? 'from' : 'to';
    const message = `no clock of the years 1970 to 2199 shows ${raw[field]}; correct it.`;
    report(within(spot, field), 'TARIFF_MALFORMED', message);
    return null;
  }
  if (fromMs < toMs) return { fromMs, toMs };
  report(within(spot, 'to'), 'TARIFF_MALFORMED', 'the end is not after the begin; correct it.');
  return null;
}

function monthOf(wallMs: number): number {
  const { year, month } = civilDateOf(Math.floor(wallMs / dayMs));
  return year * 12 + month;
}

/** Amounts without rounding may have more decimals than a price. */
function reportAmount(spot: Spot, text: string): void {
  const parsed = parseDecimal(text, 18);
  if (!parsed.ok) report(spot, 'DECIMAL_MALFORMED', parsed.message);
}

function reportPiece(
  spot: Spot,
  raw: ExampleShape['load'][number],
  example: Span & { readonly stepMs: number },
): void {
  const span = readSpan(spot, raw);
  const isOnGrid = (wallMs: number): boolean => (wallMs - example.fromMs) % example.stepMs === 0;
  if (span !== null && (span.fromMs < example.fromMs || span.toMs > example.toMs)) {
    const message = 'the piece leaves the example; keep it between its from and to.';
    report(spot, 'TARIFF_MALFORMED', message);
  }
  if (span !== null && !(isOnGrid(span.fromMs) && isOnGrid(span.toMs))) {
    const message = 'the piece is not of whole intervals of the example; move its ends.';
    report(spot, 'TARIFF_TIME_OFF_GRID', message);
  }
  for (const field of energyFields) {
    const text = raw[field];
    if (text === undefined) continue;
    const energyWh = parseDecimal(text, 3);
    const place = within(spot, field);
    if (!energyWh.ok) report(place, 'DECIMAL_MALFORMED', energyWh.message);
    else if (energyWh.value < 0n) {
      report(place, 'TARIFF_MALFORMED', 'energy is zero or more; write export as its own field.');
    }
  }
}

function reportExample(spot: Spot, raw: ExampleShape, componentNames: readonly string[]): void {
  if (raw.zone !== undefined && !isKnownZone(raw.zone)) {
    const message = 'the zone is unknown; write an IANA name such as Europe/Berlin.';
    report(within(spot, 'zone'), 'TARIFF_ZONE_UNKNOWN', message);
  }
  for (const field of ['contractedKw', 'fuseA'] as const) {
    const text = raw.attributes?.[field];
    if (text !== undefined) readE8(within(spot, 'attributes', field), text, { least: 0n });
  }
  const span = readSpan(spot, raw);
  if (span === null) return;
  const stepMs = raw.intervalMinutes * minuteMs;
  if ((span.toMs - span.fromMs) % stepMs !== 0 || span.fromMs % stepMs !== 0) {
    const message = 'the example does not begin and end on its intervals; move its ends.';
    report(spot, 'TARIFF_TIME_OFF_GRID', message);
  }
  if (monthOf(span.fromMs) !== monthOf(span.toMs - minuteMs)) {
    const message = 'the example reaches beyond its month; a bill is within one.';
    report(within(spot, 'to'), 'TARIFF_MALFORMED', message);
  }
  for (const [index, piece] of raw.load.entries()) {
    reportPiece(within(spot, 'load', index), piece, { ...span, stepMs });
  }
  const expect = within(spot, 'expect');
  reportAmount(within(expect, 'total'), raw.expect.total);
  for (const [name, amount] of Object.entries(raw.expect.components ?? {})) {
    const place = within(expect, 'components', name);
    if (!componentNames.includes(name) && name !== roundingLineName) {
      const message = 'no component has this name; correct it.';
      report(place, 'TARIFF_REFERENCE_UNKNOWN', message);
    }
    reportAmount(place, amount);
  }
}

/** What an example says must be readable; whether its bill is right, rating shows. */
export function reportExamples(
  spot: Spot,
  raw: readonly ExampleShape[],
  componentNames: readonly string[],
): void {
  reportRepeated(
    spot,
    raw.map(({ name }) => name),
    'name',
  );
  for (const [index, example] of raw.entries()) {
    reportExample(within(spot, index), example, componentNames);
  }
}
