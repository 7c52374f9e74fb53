import type { Statement } from './connect.ts';

/** Which server it is and how far it has come: after a restore one of them is not as before. */
export type ServerFact = {
  readonly systemId: string;
  readonly timeline: number;
  readonly xact: bigint;
};

export type RestoreMark = {
  readonly systemId: string;
  readonly timeline: number;
  readonly xactSeen: string;
  readonly kind: 'seen' | 'restored' | 'reconciled';
  readonly at: Date;
};

export async function readServer(tx: Statement): Promise<ServerFact> {
  const [row] = await tx<[{ systemId: string; timeline: number; xact: string }]>`
    select s.system_identifier::text as "systemId", c.timeline_id as timeline,
           pg_snapshot_xmax(pg_current_snapshot())::text as xact
    from pg_control_system() s, pg_control_checkpoint() c`;
  return { ...row, xact: BigInt(row.xact) };
}

export async function newestMark(tx: Statement): Promise<RestoreMark | null> {
  const [row] = await tx<RestoreMark[]>`
    select system_id as "systemId", timeline, xact_seen as "xactSeen", kind, at
    from restore_mark order by id desc limit 1`;
  return row ?? null;
}

export async function insertMark(
  tx: Statement,
  { systemId, timeline, xact }: ServerFact,
  { kind, atMs, byWhom }: { kind: RestoreMark['kind']; atMs: number; byWhom: string },
): Promise<void> {
  await tx`
    insert into restore_mark (system_id, timeline, xact_seen, kind, at, by_whom)
    values (${systemId}, ${timeline}, ${String(xact)}, ${kind}, ${new Date(atMs)}, ${byWhom})`;
}

export function companyIds(tx: Statement): Promise<readonly { readonly id: number }[]> {
  return tx<{ id: number }[]>`select id from company order by id`;
}
