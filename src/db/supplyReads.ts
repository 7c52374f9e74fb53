import type { Statement } from './connect.ts';
import type { Json } from './events.ts';

/** Why a supply stands as it does, as a viewer sees it: statements for `asViewer`. */

export type CertificateView = {
  readonly commandId: string;
  readonly stage: 'requested' | 'sent';
  readonly at: Date;
  readonly document: Json;
  readonly hash: Uint8Array;
};

/** Of the meter's commands, newest first. */
export async function readCertificates(
  tx: Statement,
  { meterId, limit }: { meterId: number; limit: number },
): Promise<readonly CertificateView[]> {
  return tx<CertificateView[]>`
    select k.command_id as "commandId", k.stage, k.at, k.document, k.hash
    from command c join command_certificate k on k.command_id = c.id
    where c.meter_id = ${meterId}
    order by c.requested_at desc, c.id, k.stage desc limit ${limit}`;
}

export type ToldNotice = {
  readonly id: string;
  readonly kind: string;
  readonly threshold: string;
  readonly at: Date;
  /** How far it got: queued, sent, delivered or failed. */
  readonly state: string;
  readonly stateAt: Date;
};

/** What the customer was told, newest first. */
export async function readNotices(
  tx: Statement,
  { accountId, limit }: { accountId: number; limit: number },
): Promise<readonly ToldNotice[]> {
  return tx<ToldNotice[]>`
    select n.id, n.kind, n.threshold, n.at, coalesce(s.state, 'queued') as state,
           coalesce(s.at, n.at) as "stateAt"
    from notice n
    left join lateral (select state, at from notice_step s where s.notice_id = n.id
                       order by ordinal desc limit 1) s on true
    where n.account_id = ${accountId}
    order by n.at desc, n.id limit ${limit}`;
}
