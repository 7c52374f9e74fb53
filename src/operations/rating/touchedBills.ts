import type { UnratedRow } from '../../db/charges.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { importChannel } from '../../domain/channel.ts';
import type { ChannelCode } from '../../domain/channel.ts';
import { metersAt, segmentOf } from './registry.ts';
import type { PricedSegment, RatingMemory } from './registry.ts';

/** Slots that a commit brought: settled ones are added to a charge, open ones only shown in it. */
export type SlotSpan = {
  readonly meter: RatedMeter;
  readonly channel: ChannelCode;
  readonly firstSlot: number;
  readonly slotWh: Float64Array;
  /** 1 where the energy is estimated; null: nowhere. */
  readonly estimated: Uint8Array | null;
  readonly isSettled: boolean;
  /** The walk began anew: what was accumulated of these periods is worked out again. */
  readonly isRecomputed: boolean;
  /** Of the register's first reading ever: nothing of it lies before. */
  readonly isFirst: boolean;
};

export type Piece = {
  readonly firstSlot: number;
  readonly slotWh: Float64Array;
  readonly estimated: Uint8Array | null;
  readonly isSettled: boolean;
};

/** A bill that this commit may move. */
export type TouchedBill = {
  readonly key: string;
  readonly segment: PricedSegment;
  /** The first of the service point, whose charge it is. */
  readonly meter: RatedMeter;
  /** Of import, while one meter is all there is. */
  readonly pieces: Piece[];
  /** Its pieces are all that it has, if they begin where it begins. */
  isRecomputed: boolean;
  /** Its pieces are all that is known of it, wherever they begin. */
  isFirst: boolean;
  /** More than its pieces moved: its slots are read from the series. */
  isWhole: boolean;
  /** Time has passed or something that decides it has changed, whether it has pieces or not. */
  isDue: boolean;
};

export function chargeKey(row: {
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStartMs: number;
  readonly tariffVersionId: number;
}): string {
  return `${row.agreementId}/${row.meterId}/${row.periodStartMs}/${row.tariffVersionId}`;
}

/** Sorts what a commit brought by the bill that it belongs to. */
export class BillSorter {
  readonly bills = new Map<string, TouchedBill>();
  readonly unrated = new Map<string, UnratedRow>();
  readonly #memory: RatingMemory;

  constructor(memory: RatingMemory) {
    this.#memory = memory;
  }

  add(span: SlotSpan): void {
    const endSlot = span.firstSlot + span.slotWh.length;
    let slot = span.firstSlot;
    while (slot < endSlot) {
      const segment = segmentOf(this.#memory, span.meter, slot);
      const pieceEnd = Math.min(endSlot, segment.endSlot);
      const slotWh = span.slotWh.subarray(slot - span.firstSlot, pieceEnd - span.firstSlot);
      if ('code' in segment) {
        const isCounted = span.isSettled && span.channel === importChannel;
        if (isCounted) this.#addUnrated(span.meter, segment, slotWh);
      } else {
        const [from, to] = [slot - span.firstSlot, pieceEnd - span.firstSlot];
        const estimated = span.estimated?.subarray(from, to) ?? null;
        this.#addPiece(span, segment, { firstSlot: slot, slotWh, estimated });
      }
      slot = pieceEnd;
    }
  }

  /** Bills that have come due by time, with readings or without: [fromSlot, untilSlot). */
  addTime(meter: RatedMeter, { from, until }: { from: number; until: number }): void {
    let slot = from;
    while (slot < until) {
      const segment = segmentOf(this.#memory, meter, slot);
      if (!('code' in segment)) this.#billOf(segment, meter).isDue = true;
      slot = segment.endSlot;
    }
  }

  #billOf(segment: PricedSegment, meter: RatedMeter): TouchedBill {
    const meters = metersAt(this.#memory, meter.servicePointId);
    const [first] = meters;
    const key = chargeKey({
      agreementId: segment.agreement.agreementId,
      meterId: first.meterId,
      periodStartMs: segment.period.startMs,
      tariffVersionId: segment.version.versionId,
    });
    const known = this.bills.get(key);
    if (known !== undefined) return known;
    const isWhole = meters.length > 1;
    const bill = {
      key,
      segment,
      meter: first,
      pieces: [],
      isRecomputed: false,
      isFirst: false,
      isWhole,
      isDue: false,
    };
    this.bills.set(key, bill);
    return bill;
  }

  #addPiece(
    { meter, channel, isSettled, isRecomputed, isFirst }: SlotSpan,
    segment: PricedSegment,
    piece: Omit<Piece, 'isSettled'>,
  ): void {
    const bill = this.#billOf(segment, meter);
    // Of other registers it is enough to know that they moved: see `isAdditive`.
    if (channel !== importChannel) return;
    if (isRecomputed) {
      // A walk that begins within the bill does not bring what lies before.
      if (bill.pieces.length === 0 && piece.firstSlot > segment.firstSlot) bill.isWhole = true;
      bill.isRecomputed = true;
    }
    if (isFirst) bill.isFirst = true;
    bill.pieces.push({ ...piece, isSettled });
  }

  #addUnrated(
    meter: RatedMeter,
    segment: { readonly code: string; readonly period: { readonly startMs: number } },
    slotWh: Float64Array,
  ): void {
    let energyWh = 0n;
    let slotCount = 0;
    for (const wh of slotWh) {
      if (Number.isNaN(wh)) continue;
      energyWh += BigInt(wh);
      slotCount += 1;
    }
    if (slotCount === 0) return;
    const key = `${meter.meterId}/${segment.period.startMs}/${segment.code}`;
    const known = this.unrated.get(key);
    this.unrated.set(key, {
      meterId: meter.meterId,
      periodStartMs: segment.period.startMs,
      code: segment.code,
      companyId: meter.companyId,
      energyWh: energyWh + (known?.energyWh ?? 0n),
      slotCount: slotCount + (known?.slotCount ?? 0),
    });
  }
}
