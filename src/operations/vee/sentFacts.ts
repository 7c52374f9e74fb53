import type { Transaction } from '../../db/connect.ts';
import { readHeldRows, readMultipliers, readVersions } from '../../db/sentFacts.ts';
import type { FactsFrom, HeldRows, ReadingVersion, SentMultiplier } from '../../db/sentFacts.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { formCodes } from '../../domain/series/heldBack.ts';
import { marksOf } from '../../domain/series/meterMarks.ts';
import type { SeriesDay } from '../../domain/series/day.ts';
import { conflictsOf, formOfMultiplier, formOfUnit } from '../../domain/vee/sentForm.ts';
import type { BlockForm, ReadingConflict, Span } from '../../domain/vee/window.ts';

/** How the readings of some meters were sent, where that is worth a look. */
export type SentFacts = {
  readonly held: readonly HeldRows[];
  readonly versions: readonly Omit<ReadingVersion, 'companyId'>[];
  readonly multipliers: readonly Omit<SentMultiplier, 'companyId'>[];
};

export async function readSentFacts(
  tx: Transaction,
  wanted: readonly FactsFrom[],
): Promise<SentFacts> {
  return {
    held: await readHeldRows(tx, wanted, formCodes),
    versions: await readVersions(tx, wanted),
    multipliers: await readMultipliers(tx, wanted),
  };
}

/** A ratio that is not that of the marks at the begin or the end of a day. */
export function wrongRatios(
  { thousandths, firstMs, lastMs }: Pick<SentMultiplier, 'thousandths' | 'firstMs' | 'lastMs'>,
  meter: RatedMeter,
  channel: number,
): readonly BlockForm[] {
  const { medium } = meter;
  const marks = marksOf(meter.marks, channel);
  const ends = firstMs === lastMs ? [firstMs] : [firstMs, lastMs];
  return ends.flatMap(
    (atMs) => formOfMultiplier({ thousandths, atMs }, { channel, medium, marks }) ?? [],
  );
}

type OfMeter = { readonly meterId: number; readonly channel: number };

/** Of one register. */
export class RegisterFacts {
  readonly blocks: readonly BlockForm[];
  readonly drifted: readonly HeldRows[];
  readonly #versions: SentFacts['versions'];

  constructor(facts: SentFacts, meter: RatedMeter, channel: number) {
    const isOwn = (each: OfMeter) => each.meterId === meter.meterId && each.channel === channel;
    const held = facts.held.filter(isOwn);
    const { medium } = meter;
    this.blocks = [
      ...held
        .filter(({ code, unit }) => code === 'UNIT_MISMATCH' && unit !== null)
        .map((rows) => formOfUnit(rows, { channel, medium })),
      ...facts.multipliers.filter(isOwn).flatMap((each) => wrongRatios(each, meter, channel)),
    ];
    this.drifted = held.filter(({ code }) => code === 'CLOCK_DRIFT');
    this.#versions = facts.versions.filter(isOwn);
  }

  /** Instants at which there is something to judge. */
  instants(): readonly number[] {
    return [
      ...this.blocks.map(({ fromMs }) => fromMs),
      ...this.drifted.map(({ firstMs }) => firstMs),
      ...this.#versions.map(({ atMs }) => atMs),
    ];
  }

  blocksIn({ fromMs, toMs }: Span): readonly BlockForm[] {
    return this.blocks.filter((block) => block.fromMs >= fromMs && block.fromMs < toMs);
  }

  driftedIn({ fromMs, toMs }: Span): readonly HeldRows[] {
    return this.drifted.filter(({ firstMs }) => firstMs >= fromMs && firstMs < toMs);
  }

  conflictsIn({ fromMs, toMs }: Span, days: readonly SeriesDay[]): readonly ReadingConflict[] {
    const own = this.#versions.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    return own.length === 0 ? [] : conflictsOf(own, days);
  }
}

/** Registers of which there are facts. */
export function channelsOf(facts: SentFacts, meterId: number): readonly number[] {
  const all: readonly OfMeter[] = [...facts.held, ...facts.versions, ...facts.multipliers];
  const own = all.filter((each) => each.meterId === meterId);
  return [...new Set(own.map(({ channel }) => channel))].toSorted((a, b) => a - b);
}
