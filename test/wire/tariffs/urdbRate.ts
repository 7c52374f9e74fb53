import type { TariffText } from '../../../src/domain/tariff/shape.ts';
import { importUrdb } from '../../../src/wire/tariffs/urdb.ts';

/** A schedule of one period all year. */
export function allYear(period: number): number[][] {
  return Array.from({ length: 12 }, () => Array.from({ length: 24 }, () => period));
}

/** The smallest rate that is billed, with what a test adds. */
export function urdbText(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    energyratestructure: [[{ rate: 0.1, unit: 'kWh' }]],
    energyweekdayschedule: allYear(0),
    energyweekendschedule: allYear(0),
    ...fields,
  });
}

/** Hours 12 to 17 of June to September on weekdays are period 1. */
export const summerAfternoons = Array.from({ length: 12 }, (_, month) =>
  Array.from({ length: 24 }, (__, hour) =>
    month >= 5 && month <= 8 && hour >= 12 && hour < 18 ? 1 : 0,
  ),
);

export function readUrdb(fields: Readonly<Record<string, unknown>> = {}): {
  document: TariffText;
  codes: readonly string[];
} {
  const imported = importUrdb(urdbText(fields));
  if (!imported.ok) throw new Error(imported.message);
  const { document, warnings } = imported.value;
  return { document, codes: warnings.map(({ code }) => code) };
}

export function refusalOf(fields: Readonly<Record<string, unknown>>): string {
  const imported = importUrdb(urdbText(fields));
  return imported.ok ? 'read' : `${imported.code} ${(imported.path ?? []).join('.')}`;
}

export function componentOf(document: TariffText, name: string) {
  return document.components.find((candidate) => candidate.name === name);
}

export function warningsOf(fields: Readonly<Record<string, unknown>>, code: string) {
  const imported = importUrdb(urdbText(fields));
  if (!imported.ok) throw new Error(imported.message);
  return imported.value.warnings.filter((warning) => warning.code === code);
}
