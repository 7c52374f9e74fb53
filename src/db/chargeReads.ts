import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** Charges as a viewer sees them, with what their lines are worked out from. */
export type ChargeView = {
  /** `agreement.meter.period.version`, the charge's key. */
  readonly key: string;
  readonly accountId: number;
  readonly agreementId: number;
  readonly companyId: number;
  readonly servicePointId: number;
  readonly meterId: number;
  readonly periodStart: Date;
  readonly tariffVersionId: number;
  readonly accumulator: Uint8Array;
  readonly energyWh: bigint;
  readonly amountMicros: bigint;
  readonly revision: number;
  readonly currency: string;
  readonly timeZone: string;
  readonly document: unknown;
  /** Of the agreement, as stored. */
  readonly attributes: unknown;
  /** What the bill before left, as stored; null where the tariff carries nothing. */
  readonly carryIn: unknown;
  /** Up to when the bill has run; null once it is closed. */
  readonly openUntil: Date | null;
  /** Null where it is not held, and for who may not know. */
  readonly hold: ChargeHold | null;
};

/** Why the bill is not posted as it was rated. */
export type ChargeHold = {
  readonly heldAt: Date;
  readonly code: string;
  readonly message: string;
  /** What the second engine bills more; null where it refused the bill. */
  readonly differenceMicros: bigint | null;
};

type StoredView = Omit<ChargeView, 'hold'> & {
  readonly [Field in keyof ChargeHold]: ChargeHold[Field] | null;
};

function viewOf({ heldAt, code, message, differenceMicros, ...charge }: StoredView): ChargeView {
  const isHeld = heldAt !== null && code !== null && message !== null;
  return { ...charge, hold: isHeld ? { heldAt, code, message, differenceMicros } : null };
}

function columnsOf(tx: Statement) {
  return tx`
    k.key, c.account_id as "accountId", c.agreement_id as "agreementId", c.meter_id as "meterId",
    c.period_start as "periodStart", c.tariff_version_id as "tariffVersionId", c.accumulator,
    c.energy_wh as "energyWh", c.amount_micros as "amountMicros", c.revision, a.currency,
    s.time_zone as "timeZone", v.document, c.company_id as "companyId",
    m.service_point_id as "servicePointId", g.attributes, c.carry_in as "carryIn",
    c.open_until as "openUntil", h.held_at as "heldAt", h.code, h.message,
    h.difference_micros as "differenceMicros"
    from charge c
    left join charge_hold h on h.agreement_id = c.agreement_id and h.meter_id = c.meter_id
      and h.period_start = c.period_start and h.tariff_version_id = c.tariff_version_id
    join account a on a.id = c.account_id
    join agreement g on g.company_id = c.company_id and g.id = c.agreement_id
    join meter m on m.id = c.meter_id
    join service_point s on s.id = m.service_point_id
    join tariff_version v on v.id = c.tariff_version_id
    cross join lateral (select concat_ws('.', c.agreement_id, c.meter_id,
      (extract(epoch from c.period_start) * 1000)::int8, c.tariff_version_id) as key) k`;
}

/** Newest period first. */
export async function pageCharges(
  tx: Statement,
  accountId: number,
  page: TimePage,
): Promise<ChargeView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const rows = await tx<StoredView[]>`
    select ${columnsOf(tx)}
    where c.account_id = ${accountId}
      and (c.period_start, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (c.period_start, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by c.period_start ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
  return rows.map(viewOf);
}

/** Of the viewer's company, the one held last first. */
export async function pageHeldCharges(tx: Statement, page: TimePage): Promise<ChargeView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const rows = await tx<StoredView[]>`
    select ${columnsOf(tx)}
    where h.held_at is not null
      and (h.held_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (h.held_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by h.held_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
  return rows.map(viewOf);
}

export async function findCharges(
  tx: Statement,
  keys: readonly string[],
): Promise<readonly ChargeView[]> {
  const rows = await tx<StoredView[]>`
    select ${columnsOf(tx)} where k.key = any(string_to_array(${keys.join(',')}, ','))
      and c.agreement_id = any(
        select split_part(each, '.', 1)::int4
        from unnest(string_to_array(${keys.join(',')}, ',')) as each)`;
  return rows.map(viewOf);
}

export async function countCharges(tx: Statement, accountId: number): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int4 as count from charge where account_id = ${accountId}`;
  return row?.count ?? 0;
}
