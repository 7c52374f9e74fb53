import type { Statement } from './connect.ts';

/** How far a relay has told the outside, by shard of the event log. Writer's role. */

/** The relay's place; one that is new begins at the log's end, not with all that ever was. */
export async function relayPosition(
  statement: Statement,
  { relay, shard }: { relay: string; shard: number },
): Promise<bigint> {
  await statement`
    insert into relay_cursor (relay, shard, sequence)
    select ${relay}, shard, sequence from event_head where shard = ${shard}
    on conflict do nothing`;
  const [row] = await statement<{ sequence: bigint }[]>`
    select sequence from relay_cursor where relay = ${relay} and shard = ${shard}`;
  if (row === undefined) throw new Error(`EVENT_SHARD_UNKNOWN: there is no event shard ${shard}`);
  return row.sequence;
}

/** Never back: of two relays that told the same, the later one wins. */
export async function setRelayPosition(
  statement: Statement,
  { relay, shard, sequence }: { relay: string; shard: number; sequence: bigint },
): Promise<void> {
  const text = sequence.toString();
  await statement`
    update relay_cursor set sequence = ${text}::int8
    where relay = ${relay} and shard = ${shard} and sequence < ${text}::int8`;
}
