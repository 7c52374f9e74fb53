import { wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { noticeKinds } from './tables/prepaid.ts';

/** SQL of what customers are told: thresholds, notices and their way to the customer. */

type NoticeKind = (typeof noticeKinds)[number];

type Arm = { readonly kind: NoticeKind; readonly threshold: string };

/** Thresholds that were breached and told of, with what a day costs as it was forecast last. */
export async function readUnarmed(
  tx: Statement,
  accountId: number,
): Promise<readonly (Arm & { readonly dailyMicros: bigint | null })[]> {
  return tx<(Arm & { dailyMicros: bigint | null })[]>`
    select m.kind, m.threshold, f.daily_micros as "dailyMicros"
    from notice_arm m left join prepaid_forecast f on f.account_id = m.account_id
    where m.account_id = ${accountId} and not m.is_armed`;
}

export async function armAgain(
  tx: Statement,
  accountId: number,
  arms: readonly Arm[],
): Promise<void> {
  await tx`
    update notice_arm m set is_armed = true
    from unnest(${wordsOf(arms.map(({ kind }) => kind))}::text[],
                ${wordsOf(arms.map(({ threshold }) => threshold))}::text[]) as l(kind, threshold)
    where m.account_id = ${accountId} and m.kind = l.kind and m.threshold = l.threshold`;
}
