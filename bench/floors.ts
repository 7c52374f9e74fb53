import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { integer, bigint, pgTable, primaryKey, smallint, timestamp } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { copyInto, encodeCopy } from '../src/db/copy.ts';
import type { CopyColumn } from '../src/db/copy.ts';
import { promptSocket } from '../src/db/promptSocket.ts';
import type { RegisterBlock } from '../src/wire/batch.ts';
import { timed } from './sideBySide.ts';
import type { Side, Timed } from './sideBySide.ts';

/** The same readings as plain rows with their primary key: what the road is compared with. */

export const rowCopy = 'row COPY';
export const nodeCopy = 'row COPY, encoded by Node';
export const drizzleInsert = 'drizzle insert';

const drizzleTable = pgTable(
  'reading_drizzle',
  {
    meter: integer('meter').notNull(),
    channel: smallint('channel').notNull(),
    readAt: timestamp('read_at', { withTimezone: true, mode: 'date' }).notNull(),
    value: bigint('value', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.meter, t.channel, t.readAt] })],
);

const tables = ['reading_copy', 'reading_node_copy', 'reading_drizzle'] as const;

export type Floors = {
  readonly rowCopy: Side;
  readonly nodeCopy: Side;
  readonly drizzleInsert: Side;
  close(): Promise<void>;
};

function columnsOf(block: RegisterBlock): CopyColumn[] {
  return [
    { name: 'meter', type: 'int4', values: block.meterId },
    { name: 'channel', type: 'int2', values: new Int16Array(block.meterId.length).fill(1) },
    { name: 'read_at', type: 'instant', values: block.readAtMs },
    { name: 'value', type: 'int8', values: block.value },
  ];
}

function readingsIn(blocks: readonly RegisterBlock[]): number {
  return blocks.reduce((sum, block) => sum + block.meterId.length, 0);
}

/**
 * One commit a batch on one session, as the log has it. `blocksOf` gives the batches of a round.
 * The tables are emptied before each round: rows by meter and time scatter over their index, and
 * the larger it is the slower they come in, so an empty table is the hardest one to beat.
 */
export async function openFloors(
  url: string,
  blocksOf: (round: number) => readonly RegisterBlock[],
): Promise<Floors> {
  const sql = postgres(url, { ...promptSocket, max: 1, types: { bigint: postgres.BigInt } });
  for (const table of tables) {
    await sql`create table ${sql(table)} (
      meter int4 not null, channel int2 not null, read_at timestamptz not null, value int8 not null,
      primary key (meter, channel, read_at))`;
  }
  // A client of its own: drizzle changes the type parsers of the one that it is given.
  const client = postgres(url, { ...promptSocket, max: 1, onnotice: () => {} });
  const relational = drizzle({ client });

  // The encoding is left out, so that the floor is the server's, as psql's \copy of a file.
  const copyEncoded = async (encoded: readonly Buffer[]): Promise<void> => {
    for (const bytes of encoded) {
      const writable = await sql`
        copy reading_copy (meter, channel, read_at, value) from stdin (format binary)`.writable();
      await pipeline(Readable.from([bytes]), writable);
    }
  };
  const insert = async (rows: readonly (typeof drizzleTable.$inferInsert)[][]): Promise<void> => {
    for (const values of rows) await relational.insert(drizzleTable).values(values);
  };
  const side = (name: string, run: (blocks: readonly RegisterBlock[]) => Promise<Timed>): Side => ({
    name,
    run: async (round) => {
      await sql`truncate ${sql(tables)}`;
      return run(blocksOf(round));
    },
  });
  return {
    rowCopy: side(rowCopy, (blocks) => {
      const encoded = blocks.map((block) => encodeCopy(columnsOf(block), block.meterId.length));
      return timed(readingsIn(blocks), () => copyEncoded(encoded));
    }),
    nodeCopy: side(nodeCopy, (blocks) =>
      timed(readingsIn(blocks), async () => {
        for (const block of blocks) {
          await copyInto(sql, 'reading_node_copy', columnsOf(block), block.meterId.length);
        }
      }),
    ),
    drizzleInsert: side(drizzleInsert, (blocks) => {
      const rows = blocks.map((block) =>
        Array.from(block.meterId, (meter, row) => ({
          meter,
          channel: 1,
          readAt: new Date(block.readAtMs[row]),
          value: Number(block.value[row]),
        })),
      );
      return timed(readingsIn(blocks), () => insert(rows));
    }),
    close: async () => {
      await client.end({ timeout: 5 });
      await sql.end();
    },
  };
}
