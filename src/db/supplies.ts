import type { CommandCause, CommandKind, MeterFacts } from '../domain/command/supplyFacts.ts';
import { supplyFollowUpMsMax } from '../domain/limits.ts';
import { integersOf } from './arrays.ts';
import type { CommandState } from './commands.ts';
import type { Statement } from './connect.ts';

/** SQL of supplies: how they stand, and where a decision over them is due. */

/** One meter's supply, with the account and the open command that a decision would touch. */
export type MeterSupply = {
  readonly meterId: number;
  readonly hasContactor: boolean;
  readonly openCommandId: string | null;
  /** So far: numbers the next one. */
  readonly commands: number;
  /** Null where nobody has an agreement now. */
  readonly accountId: number | null;
  readonly facts: MeterFacts | null;
  /** What the last verified command left; a meter without one is connected. */
  readonly supply: MeterFacts['supply'];
  /** Where weather and many cuts at once are looked at together. */
  readonly region: string;
};

type SupplyRow = {
  meterId: number;
  hasContactor: boolean;
  accountId: number | null;
  mode: 'prepaid' | 'postpaid' | null;
  balanceMicros: bigint | null;
  balanceLimitMicros: bigint;
  reconnectMicros: bigint;
  supplyState: 'connected' | 'disconnected' | 'limited' | null;
  canLimit: boolean;
  timeZone: string;
  region: string;
  supplyCause: CommandCause | null;
  lastReadAt: Date | null;
  isDoubted: boolean;
  commands: number;
  openId: string | null;
  openKind: CommandKind;
  openCause: CommandCause;
  openState: CommandState;
  triedKind: CommandKind | null;
  triedState: CommandState;
  mayRepeatAt: Date;
  unknownKind: 'disconnect' | 'limit' | null;
  unknownCause: CommandCause;
};

const uncertainties = { disconnect: 'uncertain', limit: 'limitUncertain' } as const;

function supplyOfRow(row: SupplyRow, nowMs: number): MeterSupply {
  const unknown = row.unknownKind === null ? null : uncertainties[row.unknownKind];
  const supply = unknown ?? row.supplyState ?? 'connected';
  const isUnderway = row.openState === 'sent' || row.openState === 'acknowledged';
  const facts: MeterFacts | null =
    row.mode === null || row.balanceMicros === null
      ? null
      : {
          mode: row.mode,
          balanceMicros: row.balanceMicros,
          balanceLimitMicros: row.balanceLimitMicros,
          reconnectMicros: row.reconnectMicros,
          supply,
          supplyCause: unknown === null ? (row.supplyCause ?? 'automatic') : row.unknownCause,
          openCommand:
            row.openId === null ? null : { kind: row.openKind, cause: row.openCause, isUnderway },
          readAgeMs: row.lastReadAt === null ? null : nowMs - row.lastReadAt.getTime(),
          isDoubted: row.isDoubted,
          coolDown:
            row.triedKind === null || row.triedState === 'verified'
              ? null
              : { kind: row.triedKind, remainingMs: row.mayRepeatAt.getTime() - nowMs },
          canLimit: row.canLimit,
          timeZone: row.timeZone,
        };
  const { meterId, hasContactor, accountId, openId: openCommandId, commands, region } = row;
  return { meterId, hasContactor, accountId, openCommandId, commands, facts, supply, region };
}

export type SupplyQuery = { readonly companyId: number; readonly nowMs: number } & (
  | { readonly accountIds: readonly number[] }
  | { readonly meterId: number }
  | { readonly prepaidAfterMeterId: number; readonly limit: number }
);

function filterOf(tx: Statement, query: SupplyQuery) {
  if ('meterId' in query) return tx`m.id = ${query.meterId}`;
  if ('prepaidAfterMeterId' in query) {
    return tx`m.id > ${query.prepaidAfterMeterId} and g.mode = 'prepaid'
              and m.contactor_unit_id is not null`;
  }
  return tx`g.account_id = any(${integersOf(query.accountIds)}::int4[])
            and m.contactor_unit_id is not null
            and (b.balance_micros <= g.balance_limit_micros or o.id is not null
                 or s.state <> 'connected' or t.state <> 'verified' or k.kind is not null
                 or w.meter_id is not null)`;
}

/**
 * What decides over the supply of these accounts' meters, of one meter, or of a page of all
 * prepaid ones. For accounts only meters with a contactor, and of them only those where a decision
 * may be due (a superset of what the policy then decides): below the limit, cut or limited, a
 * command open, a last one that did not end well, or a cut that waited. Channel 1 is the import
 * register behind the balance.
 */
export async function readMeterSupplies(
  tx: Statement,
  query: SupplyQuery,
): Promise<readonly MeterSupply[]> {
  const now = new Date(query.nowMs);
  const rows = await tx<SupplyRow[]>`
    select m.id as "meterId", m.contactor_unit_id is not null as "hasContactor",
           g.account_id as "accountId", g.mode, b.balance_micros as "balanceMicros",
           g.balance_limit_micros as "balanceLimitMicros", g.reconnect_micros as "reconnectMicros",
           s.state as "supplyState", s.cause as "supplyCause", h.last_read_at as "lastReadAt",
           exists (
             select from agreement own
             join meter beside on beside.company_id = own.company_id
               and beside.service_point_id = own.service_point_id
             join vee_decision d on d.meter_id = beside.id
             where own.account_id = g.account_id and d.outcome = 'hold' and d.withdrawn_at is null
               and not exists (
                 select from vee_resolution r
                 where r.decision_id = d.id and r.kind = 'released')) as "isDoubted",
           (select count(*) from command c where c.meter_id = m.id)::int4 as commands,
           o.id as "openId", o.kind as "openKind", o.cause as "openCause", o.state as "openState",
           t.kind as "triedKind", t.state as "triedState", t.next_attempt_at as "mayRepeatAt",
           k.kind as "unknownKind", k.cause as "unknownCause",
           m.limiter_register is not null as "canLimit",
           p.time_zone as "timeZone", p.region
    from meter m
    join service_point p on p.id = m.service_point_id
    left join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    left join account_balance b on b.account_id = g.account_id
    left join supply s on s.meter_id = m.id
    left join supply_wait w on w.meter_id = m.id
    left join series_head h on h.meter_id = m.id and h.channel = 1
    left join command o on o.meter_id = m.id
      and o.state in ('requested', 'queued', 'sent', 'acknowledged')
    left join lateral (
      select kind, state, next_attempt_at from command c
      where c.meter_id = m.id and c.attempts > 0
        and c.state not in ('requested', 'queued', 'sent', 'acknowledged')
      order by c.requested_at desc, c.next_attempt_at desc limit 1
    ) t on true
    left join lateral (
      -- A contactor stays where it is when its meter is exchanged, and as it is.
      select array_agg(o.id) as ids from meter o
      where o.service_point_id = m.service_point_id
        and (o.id = m.id or o.contactor_unit_id is null and m.contactor_unit_id is not null)
    ) place on true
    left join lateral (
      -- A cut that was tried and not verified stays unknown until a later command is: a
      -- restoration that failed as well says nothing of it.
      select kind, cause from command c
      where c.meter_id = any(place.ids) and c.attempts > 0 and c.kind in ('disconnect', 'limit')
        and c.state in ('failed', 'expired', 'cancelled')
        and not exists (select from command v
                        where v.meter_id = any(place.ids) and v.state = 'verified'
                          and v.requested_at > c.requested_at)
      order by c.requested_at desc, c.next_attempt_at desc limit 1
    ) k on true
    where m.company_id = ${query.companyId} and ${filterOf(tx, query)}
    order by m.id ${'limit' in query ? tx`limit ${query.limit}` : tx``}`;
  return rows.map((row) => supplyOfRow(row, query.nowMs));
}

export type UnsettledAccount = { readonly companyId: number; readonly accountId: number };

/**
 * Accounts whose supply may be due for a decision that no reading and no payment will ask for: an
 * automatic cut that the balance or the policy no longer justifies, tries that ended without being
 * verified, and cuts that are due and whose next possible instant has come. A page by account.
 */
export async function findUnsettledAccounts(
  statement: Statement,
  { nowMs, after, limit }: { nowMs: number; after: UnsettledAccount | null; limit: number },
): Promise<readonly UnsettledAccount[]> {
  const now = new Date(nowMs);
  return statement<UnsettledAccount[]>`
    select distinct g.company_id as "companyId", g.account_id as "accountId"
    from (
      select meter_id, true as is_cut, state = 'disconnected' as is_dark from supply
      where state in ('disconnected', 'limited') and cause = 'automatic'
      union all
      select meter_id, false, false from command
      where state in ('failed', 'expired', 'cancelled') and attempts > 0
        and next_attempt_at between ${new Date(nowMs - supplyFollowUpMsMax)} and ${now}
      union all
      select meter_id, false, false from supply_wait where ask_again_at <= ${now}
    ) u
    join meter m on m.id = u.meter_id
    join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    join account_balance b on b.account_id = g.account_id
    left join lateral (
      select coalesce(sum(e.amount_micros), 0) as micros from emergency_credit e
      where e.account_id = g.account_id
        and not exists (select from emergency_credit_end x where x.credit_id = e.id)
    ) lent on true
    -- The lowest level of any policy of the company: which one holds is found by the decision.
    left join lateral (
      select min((p.document->'balanceLimits'->>'connectionMax')::numeric * 1000000) as micros
      from prepaid_policy p where p.company_id = g.company_id
    ) allowed on true
    left join lateral (
      select p.document->'loadLimit' as load_limit from prepaid_policy p
      where p.company_id = g.company_id and p.valid_from <= ${now}
        and p.name = coalesce((select w.policy_name from account_policy w
                               where w.account_id = g.account_id and w.valid_from <= ${now}
                               order by w.valid_from desc limit 1), 'standard')
      order by p.id desc limit 1
    ) held on u.is_dark
    where (not u.is_cut or g.mode = 'postpaid'
           or b.balance_micros + lent.micros >= least(g.reconnect_micros, allowed.micros)
           or u.is_dark and held.load_limit <> 'null')
      and (g.company_id, g.account_id)
        > (${after?.companyId ?? 0}::int4, ${after?.accountId ?? 0}::int4)
      and not exists (select from command o where o.meter_id = m.id
                      and o.state in ('requested', 'queued', 'sent', 'acknowledged'))
    order by 1, 2 limit ${limit}`;
}

export type SupplyState = 'connected' | 'disconnected' | 'limited';

/** What a verified command left behind. Writer's role. */
export async function upsertSupply(
  tx: Statement,
  supply: {
    readonly meterId: number;
    readonly companyId: number;
    readonly state: SupplyState;
    readonly cause: CommandCause;
    readonly sinceMs: number;
    readonly commandId: string;
  },
): Promise<void> {
  await tx`
    insert into supply (meter_id, company_id, state, cause, since)
    values (${supply.meterId}, ${supply.companyId}, ${supply.state}, ${supply.cause},
            ${new Date(supply.sinceMs)})
    on conflict (meter_id) do update
    set state = excluded.state, cause = excluded.cause, since = excluded.since`;
  await tx`
    insert into supply_change (meter_id, at, company_id, state, command_id)
    values (${supply.meterId}, ${new Date(supply.sinceMs)}, ${supply.companyId}, ${supply.state},
            ${supply.commandId}::uuid)
    on conflict do nothing`;
}
