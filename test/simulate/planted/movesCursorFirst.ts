import { batchesPerRatingMax } from '../../../src/domain/limits.ts';
import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** The cursor moves in a transaction of its own, before what it stands for is rated. */
const rateReadings: Operations['rateReadings'] = async (deps, { shard }) => {
  const { sql: whole } = deps;
  const [{ from }] = await whole<{ from: bigint }[]>`
    select position as "from" from rating_cursor where shard = ${shard}`;
  await whole`
    update rating_cursor c set position = least(h.position, c.position + ${batchesPerRatingMax})
    from log_head h where h.shard = c.shard and c.shard = ${shard}`;
  const sql = divertedSql(whole, (statement) => {
    if (statement.text.includes('update rating_cursor')) return whole`select 1`;
    const isRead = /select position[^]*from rating_cursor/.test(statement.text);
    return isRead ? whole`select ${from.toString()}::int8 as position` : statement.run();
  });
  return productionOperations.rateReadings({ ...deps, sql }, { shard });
};

export const movesCursorFirst: Operations = { ...productionOperations, rateReadings };
