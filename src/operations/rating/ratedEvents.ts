import type { EventBlock } from '../../db/events.ts';
import type { HeadRow } from '../../db/series.ts';
import { importChannel } from '../../domain/channel.ts';
import type { AdvancedRegister } from './advanceRegisters.ts';
import type { ChargeDelta } from './rateChains.ts';

type News = { readonly accountId: number; energyWh: bigint; chargedMicros: bigint };

/**
 * By meter and account, what this commit changed; the account of today is there in any case. A
 * charge of several meters is told by the one that was read.
 */
function newsOf(
  advanced: readonly AdvancedRegister[],
  charges: readonly ChargeDelta[],
  accounts: ReadonlyMap<number, number>,
): Map<number, News[]> {
  const news = new Map<number, News[]>();
  const at = (meterId: number, accountId: number): News => {
    const ofMeter = news.get(meterId);
    const known = ofMeter?.find((each) => each.accountId === accountId);
    if (known !== undefined) return known;
    const added = { accountId, energyWh: 0n, chargedMicros: 0n };
    if (ofMeter === undefined) news.set(meterId, [added]);
    else ofMeter.push(added);
    return added;
  };
  const readAt = new Map<number, number>();
  for (const { work } of advanced) {
    const { meterId, servicePointId } = work.meter;
    at(meterId, accounts.get(meterId) ?? 0);
    if (!readAt.has(servicePointId)) readAt.set(servicePointId, meterId);
  }
  for (const { row, place, deltaMicros, deltaWh } of charges) {
    if (deltaMicros === 0n && deltaWh === 0n) continue;
    const meterId = readAt.get(place.agreement.servicePointId) ?? row.meterId;
    const entry = at(meterId, row.accountId);
    entry.energyWh += deltaWh;
    entry.chargedMicros += deltaMicros;
  }
  return news;
}

type Told = {
  readonly register: AdvancedRegister;
  readonly news: News;
};

/**
 * Import tells of its meter. Where another register alone was read and moved a charge, the meter's
 * import is told as it stands.
 */
function toldBy({ advanced, charges, importHeads }: RatedNews): readonly AdvancedRegister[] {
  const told = new Map<number, AdvancedRegister>();
  for (const register of advanced) {
    const isImport = register.work.channel.code === importChannel;
    if (isImport && register.head !== null) told.set(register.work.meter.meterId, register);
  }
  const moved = new Set(charges.map(({ place }) => place.agreement.servicePointId));
  for (const { work } of told.values()) moved.delete(work.meter.servicePointId);
  for (const register of advanced) {
    const { meterId, servicePointId } = register.work.meter;
    if (told.has(meterId) || !moved.has(servicePointId)) continue;
    told.set(meterId, { ...register, head: importHeads.get(meterId) ?? null });
  }
  return [...told.values()];
}

type RatedNews = {
  readonly advanced: readonly AdvancedRegister[];
  readonly charges: readonly ChargeDelta[];
  /** Of meters whose import was not read in this commit. */
  readonly importHeads: ReadonlyMap<number, HeadRow>;
  /** By meter, the account that its newest reading belongs to. */
  readonly accounts: ReadonlyMap<number, number>;
  readonly balances: ReadonlyMap<number, bigint>;
  readonly nowMs: number;
};

/**
 * One event a company for a commit, with a row for each meter and account: the account whose
 * agreement covers the newest reading, and any other whose charges a correction moved. Account 0
 * where no agreement covers the meter.
 */
export function ratedEvents(input: RatedNews): EventBlock[] {
  const { charges, accounts, balances, nowMs } = input;
  const advanced = toldBy(input);
  const news = newsOf(advanced, charges, accounts);
  const byCompany = new Map<number, Told[]>();
  for (const register of advanced) {
    const { companyId, meterId } = register.work.meter;
    const rows = byCompany.get(companyId) ?? [];
    byCompany.set(companyId, rows);
    for (const entry of news.get(meterId) ?? []) rows.push({ register, news: entry });
  }
  return [...byCompany].map(([companyId, rows]) => ({
    companyId,
    kind: 'rated',
    atMs: nowMs,
    meterIds: rows.map(({ register }) => register.work.meter.meterId),
    accountIds: rows.map(({ news: { accountId } }) => accountId),
    readAtMs: rows.map(({ register }) => register.head?.lastReadAtMs ?? 0),
    registerWh: rows.map(({ register }) => register.head?.lastValueWh ?? 0n),
    powerW: rows.map(({ register }) => register.head?.lastPower?.powerW ?? 0),
    energyWh: rows.map((row) => row.news.energyWh),
    chargedMicros: rows.map((row) => row.news.chargedMicros),
    balanceMicros: rows.map(({ news: { accountId } }) => balances.get(accountId) ?? 0n),
    detail: null,
  }));
}
