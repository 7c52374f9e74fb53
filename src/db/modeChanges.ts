import type { Statement } from './connect.ts';

/** SQL of agreements that go on in the other mode, or with another account. */

type Mode = 'prepaid' | 'postpaid';

export type ChangedAgreement = {
  readonly id: number;
  readonly companyId: number;
  readonly accountId: number;
  readonly servicePointId: number;
  readonly zone: string;
  readonly tariffId: number;
  readonly mode: Mode;
  readonly validFrom: Date;
  readonly validTo: Date | null;
  readonly balanceLimitMicros: bigint;
  readonly reconnectMicros: bigint;
  /** It ends with a change of mode that is recorded; no other can end it. */
  readonly isChanged: boolean;
};

/** The agreement as far as the viewer may see it. */
export async function findChangedAgreement(
  tx: Statement,
  { companyId, agreementId }: { readonly companyId: number; readonly agreementId: number },
): Promise<ChangedAgreement | null> {
  const [row] = await tx<ChangedAgreement[]>`
    select g.id, g.company_id as "companyId", g.account_id as "accountId",
           g.service_point_id as "servicePointId", p.time_zone as zone, g.tariff_id as "tariffId",
           g.mode, g.valid_from as "validFrom", g.valid_to as "validTo",
           g.balance_limit_micros as "balanceLimitMicros", g.reconnect_micros as "reconnectMicros",
           exists (select from mode_change c where c.ended_id = g.id) as "isChanged"
    from agreement g join service_point p on p.id = g.service_point_id
    where g.company_id = ${companyId} and g.id = ${agreementId}`;
  return row ?? null;
}

export type HeldAgreement = {
  readonly id: number;
  readonly servicePointName: string;
  readonly mode: Mode;
  readonly validFrom: Date;
  readonly validTo: Date | null;
  /** It ends with a change that is recorded. */
  readonly isChanged: boolean;
};

/** Agreements of an account that are in force or to come, the latest first. */
export async function listHeldAgreements(
  tx: Statement,
  { accountId, nowMs }: { readonly accountId: number; readonly nowMs: number },
): Promise<readonly HeldAgreement[]> {
  return tx<HeldAgreement[]>`
    select g.id, p.name as "servicePointName", g.mode,
           g.valid_from as "validFrom", g.valid_to as "validTo",
           exists (select from mode_change c where c.ended_id = g.id) as "isChanged"
    from agreement g join service_point p on p.id = g.service_point_id
    where g.account_id = ${accountId} and (g.valid_to is null or g.valid_to > ${new Date(nowMs)})
    order by g.valid_from desc, g.id desc`;
}

/** Ends one agreement at an instant and begins the next there; its id. */
export async function insertModeChange(
  tx: Statement,
  change: {
    readonly endedId: number;
    /** Of the next agreement. */
    readonly accountId: number;
    readonly mode: Mode;
    readonly balanceLimitMicros: bigint;
    readonly reconnectMicros: bigint;
    readonly atMs: number;
    readonly nowMs: number;
    readonly actor: string;
  },
): Promise<number> {
  const at = new Date(change.atMs);
  const [row] = await tx<{ id: number }[]>`
    with next as (
      insert into agreement (company_id, account_id, service_point_id, tariff_id, mode, valid_from,
                             valid_to, balance_limit_micros, reconnect_micros, attributes)
      select company_id, ${change.accountId}, service_point_id, tariff_id, ${change.mode}, ${at},
             valid_to, ${change.balanceLimitMicros.toString()}::int8,
             ${change.reconnectMicros.toString()}::int8, attributes
      from agreement where id = ${change.endedId}
      returning id)
    insert into mode_change (ended_id, next_id, company_id, account_id, mode, at, recorded_at,
                             recorded_by)
    select ended.id, next.id, ended.company_id, ended.account_id, ${change.mode}, ${at},
           ${new Date(change.nowMs)}, ${change.actor}
    from next, agreement ended where ended.id = ${change.endedId} returning next_id as id`;
  if (row === undefined) throw new Error('an agreement that was found is ended');
  await tx`update agreement set valid_to = ${at} where id = ${change.endedId}`;
  return row.id;
}

export type RecordedChange = BegunMode & {
  readonly servicePointId: number;
  readonly zone: string;
  readonly isSettled: boolean;
  /** The agreement that begins with it ends with another recorded one. */
  readonly isFollowed: boolean;
  /** Something was written down of that agreement. */
  readonly isUsed: boolean;
};

/** The change that an agreement ends with, as far as the viewer may see it. */
export async function findRecordedChange(
  tx: Statement,
  { companyId, agreementId }: { readonly companyId: number; readonly agreementId: number },
): Promise<RecordedChange | null> {
  const [row] = await tx<RecordedChange[]>`
    select c.ended_id as "endedId", c.next_id as "nextId", c.company_id as "companyId",
           c.account_id as "accountId", g.account_id as "nextAccountId", c.mode, c.at,
           g.service_point_id as "servicePointId", p.time_zone as zone,
           c.settled_at is not null as "isSettled",
           exists (select from mode_change l where l.ended_id = c.next_id) as "isFollowed",
           exists (select from charge h where h.agreement_id = c.next_id)
             or exists (select from accrual a where a.agreement_id = c.next_id)
             or exists (select from simulation_agreement s where s.agreement_id = c.next_id)
             as "isUsed"
    from mode_change c join agreement g on g.id = c.next_id
    join service_point p on p.id = g.service_point_id
    where c.company_id = ${companyId} and c.ended_id = ${agreementId}`;
  return row ?? null;
}

/** The agreement goes on as if nothing had been recorded, and the next one is gone. */
export async function deleteRecordedChange(tx: Statement, endedId: number): Promise<void> {
  await tx`
    with taken as (
      delete from mode_change where ended_id = ${endedId} and settled_at is null
      returning ended_id, next_id
    ), gone as (
      delete from agreement g using taken where g.id = taken.next_id
      returning taken.ended_id, g.valid_to)
    update agreement g set valid_to = gone.valid_to from gone where g.id = gone.ended_id`;
}

/** All thresholds are armed: what was told in an account's earlier prepaid life is not today's. */
export async function armAll(tx: Statement, accountId: number): Promise<void> {
  await tx`update notice_arm set is_armed = true where account_id = ${accountId} and not is_armed`;
}

export type BegunMode = {
  readonly endedId: number;
  readonly nextId: number;
  readonly companyId: number;
  readonly accountId: number;
  /** Another one where the place has passed on. */
  readonly nextAccountId: number;
  readonly mode: Mode;
  readonly at: Date;
};

/** Changes whose instant has come and that nobody has closed yet. Writer's role. */
export async function findBegunModes(
  statement: Statement,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<readonly BegunMode[]> {
  return statement<BegunMode[]>`
    select c.ended_id as "endedId", c.next_id as "nextId", c.company_id as "companyId",
           c.account_id as "accountId", g.account_id as "nextAccountId", c.mode, c.at
    from mode_change c join agreement g on g.id = c.next_id
    where c.settled_at is null and c.at <= ${new Date(nowMs)}
    order by c.at, c.ended_id limit ${limit}`;
}

/** False when somebody else has closed it. Writer's role. */
export async function settleModeChange(
  tx: Statement,
  { endedId, nowMs }: { readonly endedId: number; readonly nowMs: number },
): Promise<boolean> {
  const settled = await tx`
    update mode_change set settled_at = ${new Date(nowMs)}
    where ended_id = ${endedId} and settled_at is null`;
  return settled.count > 0;
}
