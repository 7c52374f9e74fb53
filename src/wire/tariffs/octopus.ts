import { instantMsMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import type { TariffText } from '../../domain/tariff/shape.ts';
import { localTextAt } from '../../domain/time/localText.ts';
import { collectRemarks, refuseAt } from './imported.ts';
import type { ImportedTariff, Remarks } from './imported.ts';
import { readOctopusRates } from './octopusRates.ts';
import type { OctopusRefusal, RateChoice } from './octopusRates.ts';
import { atText, orderSpans, seriesOf } from './priceGrid.ts';
import type { PriceSpan } from './priceGrid.ts';

export type OctopusAnswers = {
  /** Answer of `.../standard-unit-rates/`, as text. */
  readonly unitRates: string;
  /** Answer of `.../standing-charges/`; null: none is billed. */
  readonly standingCharges: string | null;
};

export type OctopusOptions = {
  readonly flow: 'import' | 'export';
  /** Prices with VAT, or without and VAT as a tax of so many percent of the bill. */
  readonly vat: 'included' | { readonly percent: string };
  readonly paymentMethod: string | null;
  readonly window: { readonly fromMs: number; readonly toMs: number } | null;
  /** As statements do: every half hour's amount to 0.01 p. */
  readonly halfHourRounding: boolean;
};

export const octopusDefaults: OctopusOptions = {
  flow: 'import',
  vat: 'included',
  paymentMethod: null,
  window: null,
  halfHourRounding: false,
};

/** Octopus sells in Great Britain alone. */
const zone = 'Europe/London';
const seriesName = 'unit rate';

/** As documents write the ends of their validity: local, the time only where it is not midnight. */
function localText(instantMs: number): string {
  return localTextAt(zone, instantMs).replace(/T00:00$/, '');
}

function validity(span: { fromMs: number; toMs: number }): {
  validFrom?: string;
  validTo?: string;
} {
  return {
    ...(Number.isFinite(span.fromMs) && { validFrom: localText(span.fromMs) }),
    ...(Number.isFinite(span.toMs) && { validTo: localText(span.toMs) }),
  };
}

type Priced = Pick<TariffText, 'components' | 'priceSeries' | 'validFrom' | 'validTo'> & {
  readonly fromMs: number;
  readonly toMs: number;
};

/** One price without gaps is a plain one, valid as long as the answer says. */
function flatOf(ordered: readonly PriceSpan[]): PriceSpan | null {
  const [first] = ordered;
  const isFlat = ordered.every(
    ({ price, fromMs }, index) =>
      price === first?.price && (index === 0 || fromMs === ordered[index - 1]?.toMs),
  );
  if (first === undefined || !isFlat) return null;
  return { ...first, toMs: ordered.at(-1)?.toMs ?? first.toMs };
}

function pricedOf(
  spans: readonly PriceSpan[],
  options: OctopusOptions,
  remarks: Remarks,
): Outcome<Priced, OctopusRefusal> {
  const path = ['unitRates', 'results'];
  const ordered = orderSpans(spans, path, remarks);
  if (!ordered.ok) return ordered;
  const { flow } = options;
  const flat = flatOf(ordered.value);
  if (flat !== null) {
    const { fromMs, toMs, price } = flat;
    return accept({
      ...validity(flat),
      components: [{ kind: 'energy', name: seriesName, flow, price: price ?? '0' }],
      fromMs,
      toMs,
    });
  }
  const open = ordered.value.find(({ fromMs, toMs }) => !Number.isFinite(toMs - fromMs));
  if (open !== undefined) {
    const message = 'several prices, one of them without end: name the window that you want.';
    return refuseAt('OCTOPUS_WINDOW_NEEDED', path, message);
  }
  const series = { name: seriesName, unit: 'kWh', minutes: 30 } as const;
  const filled = seriesOf(ordered.value, series, { path, remarks });
  if (!filled.ok) return filled;
  return accept({
    ...(options.window !== null && validity(options.window)),
    priceSeries: [filled.value],
    components: [
      { kind: 'dynamic', name: seriesName, flow, series: seriesName, missing: 'refuse' },
    ],
    fromMs: ordered.value.at(0)?.fromMs ?? 0,
    toMs: ordered.value.at(-1)?.toMs ?? 0,
  });
}

/** A document has one standing charge; where it changes, the time before is another document. */
function standingOf(
  spans: readonly PriceSpan[],
  priced: Priced,
  remarks: Remarks,
): Outcome<TariffText['components'], OctopusRefusal> {
  const path = ['standingCharges', 'results'];
  const within = spans.filter(({ fromMs, toMs }) => toMs > priced.fromMs && fromMs < priced.toMs);
  const ordered = orderSpans(within, path, remarks);
  if (!ordered.ok) return ordered;
  const [first] = ordered.value;
  const change = ordered.value.find(({ price }) => price !== first?.price);
  if (change !== undefined) {
    const message = `the charge changes at ${atText(change.fromMs)}; name a window on one side.`;
    return refuseAt('OCTOPUS_STANDING_CHARGE_CHANGES', path, message);
  }
  if (first === undefined) {
    remarks.add('OCTOPUS_STANDING_CHARGE_ABSENT', path, 'none is for the time of the unit rates.');
    return accept([]);
  }
  const last = ordered.value.at(-1) ?? first;
  const hasGap = ordered.value.some(
    ({ fromMs }, index) => index > 0 && fromMs !== ordered.value[index - 1]?.toMs,
  );
  if (hasGap || first.fromMs > priced.fromMs || last.toMs < priced.toMs) {
    const message = 'the charge is not given for all the time of the unit rates; it is billed so.';
    remarks.add('OCTOPUS_STANDING_CHARGE_SHORT', path, message);
  }
  const amount = first.price ?? '0';
  return accept([{ kind: 'fixed', name: 'standing charge', amount, per: 'day' }]);
}

function isWindow({ fromMs, toMs }: { fromMs: number; toMs: number }): boolean {
  return fromMs >= 0 && fromMs < toMs && toMs < instantMsMax;
}

/**
 * Answers of the Octopus Energy API as a document in pounds: half-hourly prices (Agile, or any
 * that change within the window) as a price series, one price as plain energy. Entries come newest
 * first; their order does not matter.
 */
export function importOctopus(
  answers: OctopusAnswers,
  options: OctopusOptions = octopusDefaults,
): Outcome<ImportedTariff, OctopusRefusal> {
  const remarks = collectRemarks();
  if (options.window !== null && !isWindow(options.window)) {
    const message = 'a window is from one instant to a later one; correct it.';
    return refuseAt('OCTOPUS_WINDOW_NEEDED', ['window'], message);
  }
  const choice: RateChoice = {
    value: options.vat === 'included' ? 'value_inc_vat' : 'value_exc_vat',
    paymentMethod: options.paymentMethod,
    window: options.window,
  };
  const spans = readOctopusRates(answers.unitRates, choice, { name: 'unitRates', remarks });
  if (!spans.ok) return spans;
  if (spans.value.length === 0) {
    const message = 'no unit rate is for the payment method and window; choose others.';
    return refuseAt('PRICES_ABSENT', ['unitRates', 'results'], message);
  }
  const priced = pricedOf(spans.value, options, remarks);
  if (!priced.ok) return priced;
  const charges: TariffText['components'] = [];
  if (answers.standingCharges !== null) {
    const context = { name: 'standingCharges', remarks };
    const standing = readOctopusRates(answers.standingCharges, choice, context);
    if (!standing.ok) return standing;
    const component = standingOf(standing.value, priced.value, remarks);
    if (!component.ok) return component;
    charges.push(...component.value);
  }
  const { fromMs: _from, toMs: _to, components, ...rest } = priced.value;
  const document: TariffText = {
    currency: 'GBP',
    zone,
    ...rest,
    ...(options.halfHourRounding && {
      rounding: { interval: { step: '0.0001', mode: 'half-up' } },
      intervalMinutes: 30,
    }),
    components: [...components, ...charges, ...taxOf(options)],
  };
  const parsed = parseTariffDocument(document);
  if (parsed.ok) return accept({ document, warnings: remarks.list() });
  const message = `as a tariff document it is refused: ${parsed.message}`;
  return refuseAt('OCTOPUS_DOCUMENT_REFUSED', [], message);
}

function taxOf({ vat }: OctopusOptions): TariffText['components'] {
  if (vat === 'included') return [];
  return [{ kind: 'tax', name: 'VAT', percent: vat.percent, of: 'subtotal' }];
}
