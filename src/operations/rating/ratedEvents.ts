import type { EventBlock } from '../../db/events.ts';
import { importChannel } from '../../domain/channel.ts';
import type { AdvancedRegister } from './advanceRegisters.ts';
import type { LatestPower } from './gatherReadings.ts';
import type { ChargeDelta } from './priceSlots.ts';

type MeterNews = {
  accountId: number;
  energyWh: bigint;
  chargedMicros: bigint;
};

/**
 * One event a company for a commit, its meters as columns. A meter's account is the one whose
 * agreement prices its newest slot; 0 while none does.
 */
export function ratedEvents(input: {
  readonly advanced: readonly AdvancedRegister[];
  readonly charges: readonly ChargeDelta[];
  readonly balances: ReadonlyMap<number, bigint>;
  readonly power: ReadonlyMap<number, LatestPower>;
  readonly nowMs: number;
}): EventBlock[] {
  const news = new Map<number, MeterNews>();
  for (const { row, segment, deltaMicros, deltaWh } of input.charges) {
    const known = news.get(row.meterId);
    if (known === undefined) {
      news.set(row.meterId, {
        accountId: row.accountId,
        energyWh: deltaWh,
        chargedMicros: deltaMicros,
      });
      continue;
    }
    known.energyWh += deltaWh;
    known.chargedMicros += deltaMicros;
    // Charges come in time order; a withdrawn one has no slots left and names nobody.
    if (segment.endSlot !== 0) known.accountId = row.accountId;
  }
  const byCompany = new Map<number, AdvancedRegister[]>();
  for (const each of input.advanced) {
    if (each.work.channel.code !== importChannel || each.head === null) continue;
    const { companyId } = each.work.meter;
    const list = byCompany.get(companyId);
    if (list === undefined) byCompany.set(companyId, [each]);
    else list.push(each);
  }
  return [...byCompany].map(([companyId, list]) => {
    const ids = list.map(({ work }) => work.meter.meterId);
    const newsOf = ids.map((meterId) => news.get(meterId));
    return {
      companyId,
      kind: 'rated',
      atMs: input.nowMs,
      meterIds: ids,
      accountIds: newsOf.map((each) => each?.accountId ?? 0),
      readAtMs: list.map(({ head }) => head?.lastReadAtMs ?? 0),
      registerWh: list.map(({ head }) => head?.lastValueWh ?? 0n),
      powerW: ids.map((meterId) => input.power.get(meterId)?.powerW ?? 0),
      energyWh: newsOf.map((each) => each?.energyWh ?? 0n),
      chargedMicros: newsOf.map((each) => each?.chargedMicros ?? 0n),
      balanceMicros: newsOf.map((each) => input.balances.get(each?.accountId ?? 0) ?? 0n),
      detail: null,
    };
  });
}
