import type { EventBlock } from '../../db/events.ts';
import { importChannel } from '../../domain/channel.ts';
import type { AdvancedRegister } from './advanceRegisters.ts';
import type { ChargeDelta } from './priceSlots.ts';

type News = { energyWh: bigint; chargedMicros: bigint };

/** By meter and account, what this commit changed; the account of today is there in any case. */
function newsOf(
  advanced: readonly AdvancedRegister[],
  charges: readonly ChargeDelta[],
  accounts: ReadonlyMap<number, number>,
): Map<number, Map<number, News>> {
  const news = new Map<number, Map<number, News>>();
  const at = (meterId: number, accountId: number): News => {
    const ofMeter = news.get(meterId) ?? new Map<number, News>();
    news.set(meterId, ofMeter);
    const known = ofMeter.get(accountId) ?? { energyWh: 0n, chargedMicros: 0n };
    ofMeter.set(accountId, known);
    return known;
  };
  for (const { work } of advanced) {
    at(work.meter.meterId, accounts.get(work.meter.meterId) ?? 0);
  }
  for (const { row, deltaMicros, deltaWh } of charges) {
    if (deltaMicros === 0n && deltaWh === 0n) continue;
    const entry = at(row.meterId, row.accountId);
    entry.energyWh += deltaWh;
    entry.chargedMicros += deltaMicros;
  }
  return news;
}

type Told = {
  readonly register: AdvancedRegister;
  readonly accountId: number;
  readonly news: News;
};

/**
 * One event a company for a commit, with a row for each meter and account: the account whose
 * agreement covers the newest reading, and any other whose charges a correction moved. Account 0
 * where no agreement covers the meter.
 */
export function ratedEvents(input: {
  readonly advanced: readonly AdvancedRegister[];
  readonly charges: readonly ChargeDelta[];
  /** By meter, the account that its newest reading belongs to. */
  readonly accounts: ReadonlyMap<number, number>;
  readonly balances: ReadonlyMap<number, bigint>;
  readonly nowMs: number;
}): EventBlock[] {
  const { charges, accounts, balances, nowMs } = input;
  const advanced = input.advanced.filter(
    ({ work, head }) => work.channel.code === importChannel && head !== null,
  );
  const news = newsOf(advanced, charges, accounts);
  const byCompany = new Map<number, Told[]>();
  for (const register of advanced) {
    const { companyId, meterId } = register.work.meter;
    const rows = byCompany.get(companyId) ?? [];
    byCompany.set(companyId, rows);
    for (const [accountId, entry] of news.get(meterId) ?? []) {
      rows.push({ register, accountId, news: entry });
    }
  }
  return [...byCompany].map(([companyId, rows]) => ({
    companyId,
    kind: 'rated',
    atMs: nowMs,
    meterIds: rows.map(({ register }) => register.work.meter.meterId),
    accountIds: rows.map(({ accountId }) => accountId),
    readAtMs: rows.map(({ register }) => register.head?.lastReadAtMs ?? 0),
    registerWh: rows.map(({ register }) => register.head?.lastValueWh ?? 0n),
    powerW: rows.map(({ register }) => register.head?.lastPowerW ?? 0),
    energyWh: rows.map((row) => row.news.energyWh),
    chargedMicros: rows.map((row) => row.news.chargedMicros),
    balanceMicros: rows.map(({ accountId }) => balances.get(accountId) ?? 0n),
    detail: null,
  }));
}
