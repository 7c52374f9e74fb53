import type { Statement } from '../../db/connect.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { compileTariff } from '../../domain/rating/compile.ts';
import type { CompileRefusal } from '../../domain/rating/compile.ts';
import type { CompiledTariff } from '../../domain/rating/compiled.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import { carries } from '../../domain/tariff/carries.ts';
import type { Component } from '../../domain/tariff/component.ts';
import type { TariffRefusal } from '../../domain/tariff/document.ts';
import { readSeriesPrices } from './readSeriesPrices.ts';
import { documentOf, keepCompiled } from './registry.ts';
import type { PricedSegment, RatingMemory } from './registry.ts';

/** A segment's tariff as tables, and what can be told from its document before any reading. */
export type CompiledBill = {
  readonly compiled: CompiledTariff;
  /**
   * What is kept is of import alone and depends on no price of a market: new slots are added to
   * what is stored.
   */
  readonly isAdditive: boolean;
  /** Something goes from bill to bill. */
  readonly carries: boolean;
  /** The last step may refuse it, for what an agreement or a market does not say. */
  readonly mayRefuse: boolean;
};

export type CompiledSegment = Outcome<CompiledBill, TariffRefusal | CompileRefusal>;

/** Whether a component asks for what an agreement may not say. */
function asks(component: Component): boolean {
  if (component.when.customerClasses !== null) return true;
  switch (component.kind) {
    case 'energy':
      return component.tierRule?.kw === 'contracted';
    case 'demand':
      return component.measure === 'contracted';
    case 'fixed':
    case 'minimum':
      return component.times !== null;
    case 'dynamic':
    case 'reactive':
    case 'adjust':
    case 'discount':
    case 'tax':
    case 'netting':
      return false;
  }
}

async function compile(
  tx: Statement,
  memory: RatingMemory,
  segment: PricedSegment,
  zone: string,
): Promise<CompiledSegment> {
  const document = documentOf(memory, segment.version);
  if (!document.ok) return document;
  const window = { fromMs: slotStartMs(segment.firstSlot), toMs: slotStartMs(segment.endSlot) };
  const { companyId } = segment.agreement;
  const documents = [document.value];
  const prices = await readSeriesPrices(tx, { companyId, documents, ...window });
  const compiled = compileTariff(document.value, { zone, ...window, prices });
  if (!compiled.ok) return compiled;
  const { components } = document.value;
  const { channels, spots, keepsSlots } = compiled.value;
  const isAdditive = channels.length === 1 && spots.length === 0 && !keepsSlots;
  return accept({
    compiled: compiled.value,
    isAdditive,
    carries: components.some(carries),
    mayRefuse: !isAdditive || components.some(asks),
  });
}

/** The tariffs of many bills, one after the other: nearly always that of the bill before. */
export class CompiledTariffs {
  readonly #tx: Statement;
  readonly #memory: RatingMemory;
  #last: {
    readonly segment: PricedSegment;
    readonly zone: string;
    readonly compiled: CompiledSegment;
  } | null = null;

  constructor(tx: Statement, memory: RatingMemory) {
    this.#tx = tx;
    this.#memory = memory;
  }

  /** Null: `compile` has to be awaited. */
  known(segment: PricedSegment, zone: string): CompiledSegment | null {
    const last = this.#last;
    const isSame =
      last !== null &&
      last.segment.version === segment.version &&
      last.segment.firstSlot === segment.firstSlot &&
      last.segment.endSlot === segment.endSlot &&
      last.zone === zone;
    return isSame ? last.compiled : null;
  }

  async compile(segment: PricedSegment, zone: string): Promise<CompiledSegment> {
    const compiled = await compiledFor(this.#tx, this.#memory, segment, zone);
    this.#last = { segment, zone, compiled };
    return compiled;
  }
}

/** The segment's tariff; thousands of agreements share one. */
export async function compiledFor(
  tx: Statement,
  memory: RatingMemory,
  segment: PricedSegment,
  zone: string,
): Promise<CompiledSegment> {
  const { version, firstSlot, endSlot } = segment;
  const key = `${version.versionId}/${zone}/${firstSlot}/${endSlot}`;
  const known = memory.compiled.get(key);
  if (known !== undefined) return known;
  const compiled = await compile(tx, memory, segment, zone);
  keepCompiled(memory, key, compiled);
  return compiled;
}
