import type { Statement } from '../connect.ts';

/** SQL of checks of tokens, and of what payment providers were asked for. */

export type WrongToken = {
  readonly meterId: number;
  readonly tokenCount: number;
  readonly code: 'TOKEN_COUNT_BEHIND' | 'TOKEN_WITHOUT_PAYMENT';
};

/** Tokens above their device's count, or that add without money that came in for their account. */
export function wrongTokens(tx: Statement, limit: number): Promise<WrongToken[]> {
  return tx<WrongToken[]>`
    select meter_id as "meterId", token_count as "tokenCount", code from (
      select i.meter_id, i.token_count, case
          when i.token_count > d.token_count then 'TOKEN_COUNT_BEHIND'
          when i.kind = 'add' and not exists (select from payment_step s
                           where s.payment_id = i.payment_id and s.account_id = i.account_id
                             and s.kind in ('captured', 'allocated')
                             and s.transfer_id is not null) then 'TOKEN_WITHOUT_PAYMENT'
        end as code
      from token_issue i join token_device d on d.meter_id = i.meter_id) w
    where code is not null order by meter_id, token_count limit ${limit}`;
}

export type WrongCall = {
  readonly id: string;
  readonly code: 'PROVIDER_CALL_OVERDUE' | 'TOP_UP_TWICE';
};

/** Calls that nobody makes, and second charges of an account while one is open. */
export function wrongCalls(
  tx: Statement,
  { overdueMs, limit }: { readonly overdueMs: number; readonly limit: number },
): Promise<WrongCall[]> {
  return tx<WrongCall[]>`
    select id, code from (
      select id, case
          when next_try_at <= ${new Date(overdueMs)} then 'PROVIDER_CALL_OVERDUE'
          when kind = 'charge' and row_number() over (
                 partition by account_id, kind order by asked_at, id) > 1 then 'TOP_UP_TWICE'
        end as code
      from provider_call where ended_at is null) w
    where code is not null order by id limit ${limit}`;
}
