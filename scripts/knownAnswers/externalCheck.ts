import { add, zero } from '../../src/domain/exact.ts';
import type { Fraction } from '../../src/domain/exact.ts';
import type { MonthBill } from '../../src/domain/rating/rateLoad.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import type { Compared } from './answer.ts';
import { loadOf, roundedText } from './road.ts';
import type { Register, RoadInput } from './road.ts';

/** A figure of another project, as its file has it. */
export type External = {
  readonly id: string;
  readonly tariff: unknown;
  readonly expected: unknown;
};

export type Check = {
  /** How the case is expressed in a tariff document. */
  readonly how: string;
  readonly values: readonly Compared[];
  /** Given to the second engine too. */
  readonly inputs: readonly RoadInput[];
};

/** Hours of January 2026, in a zone without daylight saving; the rest of the month has none. */
export function januaryRoad(
  tariff: TariffText,
  registers: Partial<Record<Register, readonly number[]>>,
  minutes = 60,
): RoadInput {
  const load = loadOf({ fromMs: Date.UTC(2026, 0, 1), minutes }, registers);
  return { tariff, load, zone: 'Etc/UTC' };
}

/** Lines of all bills, or of those that are asked for. */
export function amountText(
  bills: readonly MonthBill[],
  isAsked: (line: MonthBill['lines'][number]) => boolean = () => true,
): string {
  const lines = bills.flatMap((bill) => bill.lines).filter(isAsked);
  return roundedText(
    lines.reduce<Fraction>((sum, { amount }) => add(sum, amount), zero),
    9,
  );
}
