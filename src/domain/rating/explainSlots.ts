import { compare, reduced, smaller, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { kwhOf } from './billDraft.ts';
import type { BillDraft } from './billDraft.ts';
import type { SlotColumns } from './folds.ts';

/** A part of a line, in slots of the bill [firstSlot, endSlot). */
export type LinePart = {
  readonly firstSlot: number;
  readonly endSlot: number;
  readonly quantity: Fraction;
  readonly price: Fraction;
};

/** What explanations look at: a bill worked out, and the slots that it is of. */
export type Explained = {
  readonly draft: BillDraft;
  readonly slots: SlotColumns;
};

/** Energy of a channel in a slot of the bill, units; null: no data. */
export function unitsAt({ slots }: Explained, channel: number, slot: number): number | null {
  const column = slots.columns[channel];
  if (column === null || column === undefined) return 0;
  const units = column[slot - slots.firstInBill + slots.offset];
  return units >= 0 ? units : null;
}

/** The slots of the bill that a load has something of. */
export function slotsOf({ slots }: Explained): { readonly first: number; readonly end: number } {
  return { first: slots.firstInBill, end: slots.firstInBill + slots.count };
}

/** kWh of a flow in a slot, net as import less export; null: no data. */
export function flowKwhAt(
  explained: Explained,
  flow: 'import' | 'export' | 'net',
  slot: number,
): Fraction | null {
  const { compiled } = explained.draft;
  const exportChannel = compiled.channels.indexOf('export');
  const imported = flow === 'export' ? 0 : unitsAt(explained, 0, slot);
  const exported = flow === 'import' ? 0 : unitsAt(explained, exportChannel, slot);
  const isKnown = flow === 'export' ? exported !== null : imported !== null || exported !== 0;
  if (!isKnown || (imported === null && exported === null)) return null;
  const units = BigInt(imported ?? 0) - BigInt(exported ?? 0);
  return kwhOf(compiled, flow === 'export' ? -units : units);
}

/** The smaller share of a whole: parts of a peak that is billed only in part. */
export function shareOf(part: Fraction, whole: Fraction): Fraction {
  if (compare(whole, zero) <= 0) return zero;
  const share = {
    numerator: part.numerator * whole.denominator,
    denominator: part.denominator * whole.numerator,
  };
  return reduced(smaller(share, { numerator: 1n, denominator: 1n }));
}
