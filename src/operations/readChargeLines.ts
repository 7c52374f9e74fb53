import { assert } from '../domain/assert.ts';
import { microsOf } from '../domain/exact.ts';
import { compileTariff } from '../domain/rating/compile.ts';
import { decodeAccumulator } from '../domain/rating/accumulatorCodec.ts';
import { finish } from '../domain/rating/kernel.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import { dayMs } from '../domain/time/civil.ts';

export type ChargeLine = {
  readonly component: string;
  readonly period: string;
  readonly energyWh: bigint;
  /** 10^-8 currency units a kWh. */
  readonly priceE8: bigint;
  readonly amountMicros: bigint;
};

/**
 * The lines behind a charge, from its closed slots by the kernel that rated it. Parsing and
 * compiling what was published and rated before cannot be refused.
 */
export function readChargeLines(charge: {
  readonly accumulator: Uint8Array;
  readonly document: unknown;
  readonly timeZone: string;
  readonly periodStartMs: number;
}): readonly ChargeLine[] {
  const document = parseTariffDocument(charge.document);
  assert(document.ok, 'a published tariff can be read again');
  // The super periods are those of the document, whatever the window: one day is enough.
  const fromMs = charge.periodStartMs;
  const window = { zone: charge.timeZone, fromMs, toMs: fromMs + dayMs };
  const compiled = compileTariff(document.value, window);
  assert(compiled.ok, 'a rated tariff can be compiled again');
  const accumulator = decodeAccumulator(charge.accumulator);
  assert(accumulator.ok, 'a stored accumulator can be read again');
  return finish(compiled.value, accumulator.value).map((line) => ({
    component: line.component,
    period: line.period,
    energyWh: line.quantityWh,
    priceE8: line.priceE8,
    amountMicros: microsOf(line.amount),
  }));
}
