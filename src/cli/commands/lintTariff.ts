import { formatPriceE8 } from '../../domain/exact.ts';
import { accept } from '../../domain/outcome.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import type { Answer } from '../answer.ts';
import { readJson } from '../inputFile.ts';

/** Parses a tariff document as publishing does, and tells the prices that it found. */
export function lintTariff(file: string): Answer {
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = parseTariffDocument(json.value);
  if (!parsed.ok) return parsed;
  const { currency, zone, calendars, components } = parsed.value;
  const prices = components.flatMap(({ name, calendarIndex, pricesE8 }) =>
    pricesE8.map((priceE8, index) => ({
      component: name,
      period: calendars[calendarIndex].periods[index],
      pricePerKwh: formatPriceE8(priceE8),
    })),
  );
  const lines = prices.map(
    ({ component, period, pricePerKwh }) =>
      `${component} ${period}: ${pricePerKwh} ${currency}/kWh`,
  );
  const zoneText = zone ?? "the agreement's zone";
  return accept({
    sentence: [`${file} is sound: ${currency}, ${zoneText}`, ...lines].join('\n'),
    facts: { currency, zone, prices },
  });
}
