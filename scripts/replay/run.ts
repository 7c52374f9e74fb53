import { accept, refuse } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import type { FleetCode } from '../../src/domain/fleet.ts';
import { assert } from '../../src/domain/assert.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import type { TariffDocument, TariffRefusal } from '../../src/domain/tariff/document.ts';
import { tariffShape } from '../../src/domain/tariff/shape.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { compareBills } from './compare.ts';
import type { Comparison } from './compare.ts';
import { calculateIndependently } from './independent.ts';
import type { IndependentRequest } from './independent.ts';
import { parseLoadFile } from './loadFile.ts';
import type { LoadCode, Stamps } from './loadFile.ts';
import { hoursOfMonths } from './polls.ts';
import { startRegisterWh } from './registerKind.ts';
import type { RegisterKind } from './registerKind.ts';
import { replay } from './road.ts';
import type { Replayed, ReplayRequest } from './road.ts';

export type ReplayInput = {
  readonly csv: string;
  readonly stamps: Stamps;
  readonly zone: string;
  /** Null: the whole file. */
  readonly months: readonly string[] | null;
  readonly registers: RegisterKind;
  readonly tariff: unknown;
};

/** What the road drives, and what the second opinion reads. */
export type PreparedReplay = {
  readonly road: Omit<ReplayRequest, 'databaseUrl' | 'onProgress'>;
  readonly independent: IndependentRequest;
  readonly currency: string;
  readonly hours: number;
  /** Hours of meters for which the file has no value. */
  readonly gapHours: number;
};

export type ReplayResult = { readonly replayed: Replayed; readonly comparison: Comparison };

function isTariffText(raw: unknown): raw is TariffText {
  return tariffShape.safeParse(raw).success;
}

/** The first component that the independent calculation does not know; null: it knows them all. */
function unknownComponent({ components, rounding }: TariffDocument): string | null {
  if (rounding.interval !== null) return 'rounding.interval';
  const unknown = components.find((component) => {
    if (component.kind !== 'energy' || component.flow !== 'import') return true;
    const { useAtMostE8, useAboveE8, customerClasses } = component.when;
    const isConditional = [useAtMostE8, useAboveE8, customerClasses].some((each) => each !== null);
    const isPlain = component.tierRule === null && component.prices.calendarIndex !== null;
    const isRounded = component.rounding !== null || component.quantity !== null;
    return isConditional || !isPlain || isRounded;
  });
  return unknown?.name ?? null;
}

/** Everything that can be refused before anything is started. */
export function prepareReplay(
  input: ReplayInput,
): Outcome<PreparedReplay, LoadCode | TariffRefusal | 'REPLAY_TARIFF_UNSUPPORTED'> {
  const { csv, stamps, zone, months, registers, tariff } = input;
  const document = parseTariffDocument(tariff);
  if (!document.ok) return document;
  const unknown = unknownComponent(document.value);
  if (unknown !== null) {
    const message = 'The independent calculation of a replay knows energy by time of use alone';
    return refuse('REPLAY_TARIFF_UNSUPPORTED', `${message}; leave "${unknown}" out of the tariff.`);
  }
  assert(isTariffText(tariff), 'a parsed document has the shape of one');
  const load = parseLoadFile(csv, { stamps });
  if (!load.ok) return load;
  const chosen = hoursOfMonths(load.value, { zone, months });
  if (!chosen.ok) return chosen;
  const hours = chosen.value;
  const { currency } = document.value;
  const startRegister = (column: number) => startRegisterWh(column).toString();
  return accept({
    road: { load: load.value, hours, zone, registers, tariff, currency },
    independent: { csv, stamps, zone, months, registers, tariff, startRegister },
    currency,
    hours: hours.length,
    gapHours: hours.reduce(
      (sum, { energyWh }) => sum + energyWh.filter((wh) => wh === null).length,
      0,
    ),
  });
}

/** Replays over the road and compares every account with the independent calculation. */
export async function runReplay(
  { road, independent }: PreparedReplay,
  started: Pick<ReplayRequest, 'databaseUrl' | 'onProgress'>,
): Promise<Outcome<ReplayResult, FleetCode>> {
  const replayed = await replay({ ...road, ...started });
  if (!replayed.ok) return replayed;
  const comparison = compareBills(replayed.value, calculateIndependently(independent));
  return accept({ replayed: replayed.value, comparison });
}
