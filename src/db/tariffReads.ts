import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { idBounds } from './page.ts';
import type { IdPage } from './page.ts';

/** Tariffs, their versions and agreements as a viewer sees them. */

export type TariffView = { readonly id: number; readonly name: string; readonly currency: string };

export async function findTariffs(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly TariffView[]> {
  return tx<TariffView[]>`
    select id, name, currency from tariff where id = any(${integersOf(ids)}::int4[])`;
}

export async function pageTariffs(tx: Statement, page: IdPage): Promise<TariffView[]> {
  const { after, before } = idBounds(page);
  return tx<TariffView[]>`
    select id, name, currency from tariff where id > ${after} and id < ${before}::int8
    order by id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

export async function countTariffs(tx: Statement): Promise<number> {
  const [row] = await tx<{ count: number }[]>`select count(*)::int4 as count from tariff`;
  return row?.count ?? 0;
}

export type TariffVersionView = {
  readonly id: number;
  readonly tariffId: number;
  readonly validFrom: Date;
  readonly document: unknown;
  readonly publishedAt: Date;
};

export async function findTariffVersions(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly TariffVersionView[]> {
  return tx<TariffVersionView[]>`
    select id, tariff_id as "tariffId", valid_from as "validFrom", document,
           published_at as "publishedAt"
    from tariff_version where id = any(${integersOf(ids)}::int4[])`;
}

/** In the order of publication. */
export async function pageTariffVersions(
  tx: Statement,
  tariffId: number,
  page: IdPage,
): Promise<TariffVersionView[]> {
  const { after, before } = idBounds(page);
  return tx<TariffVersionView[]>`
    select id, tariff_id as "tariffId", valid_from as "validFrom", document,
           published_at as "publishedAt"
    from tariff_version
    where tariff_id = ${tariffId} and id > ${after} and id < ${before}::int8
    order by id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

export type AgreementView = {
  readonly id: number;
  readonly accountId: number;
  readonly servicePointId: number;
  readonly servicePointName: string;
  readonly timeZone: string;
  readonly tariffId: number;
  readonly mode: 'prepaid' | 'postpaid';
  readonly validFrom: Date;
  readonly validTo: Date | null;
  readonly balanceLimitMicros: bigint;
  readonly reconnectMicros: bigint;
  readonly currency: string;
};

function agreementColumnsOf(tx: Statement) {
  return tx`
    g.id, g.account_id as "accountId", g.service_point_id as "servicePointId",
    s.name as "servicePointName", s.time_zone as "timeZone", g.tariff_id as "tariffId", g.mode,
    g.valid_from as "validFrom", g.valid_to as "validTo",
    g.balance_limit_micros as "balanceLimitMicros", g.reconnect_micros as "reconnectMicros",
    a.currency
    from agreement g
    join account a on a.id = g.account_id
    join service_point s on s.id = g.service_point_id`;
}

export async function findAgreements(
  tx: Statement,
  ids: readonly number[],
): Promise<readonly AgreementView[]> {
  return tx<AgreementView[]>`
    select ${agreementColumnsOf(tx)} where g.id = any(${integersOf(ids)}::int4[])`;
}

/** Of an account or at a service point. */
export async function pageAgreements(
  tx: Statement,
  of: { readonly accountId: number } | { readonly servicePointId: number },
  page: IdPage,
): Promise<AgreementView[]> {
  const { after, before } = idBounds(page);
  const owner =
    'accountId' in of
      ? tx`g.account_id = ${of.accountId}`
      : tx`g.service_point_id = ${of.servicePointId}`;
  return tx<AgreementView[]>`
    select ${agreementColumnsOf(tx)}
    where ${owner} and g.id > ${after} and g.id < ${before}::int8
    order by g.id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}
