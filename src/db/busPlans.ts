import { z } from 'zod';
import type { Statement } from './connect.ts';

/** What a head-end polls: the buses of its edge with their meters. */

const addressShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tcp'), host: z.string(), port: z.int().min(1).max(65_535) }),
  z.object({
    kind: z.literal('rtu'),
    path: z.string(),
    baudRate: z.int().positive(),
    parity: z.enum(['none', 'even', 'odd']),
  }),
]);

export type BusPlan = {
  readonly busId: number;
  readonly name: string;
  readonly address: z.infer<typeof addressShape>;
  readonly pollIntervalMs: number;
  readonly meters: readonly {
    readonly meterId: number;
    readonly serial: string;
    readonly unitId: number;
    readonly mapName: string;
  }[];
};

export async function readBusPlans(
  statement: Statement,
  edgeId: number,
): Promise<readonly BusPlan[]> {
  const rows = await statement<
    {
      busId: number;
      name: string;
      address: unknown;
      pollIntervalMs: number;
      meters: BusPlan['meters'];
    }[]
  >`
    select b.id as "busId", b.name, b.address, b.poll_interval_ms as "pollIntervalMs",
           coalesce(json_agg(json_build_object('meterId', m.id, 'serial', m.serial,
             'unitId', m.unit_id, 'mapName', m.map_name) order by m.unit_id)
             filter (where m.unit_id is not null), '[]') as meters
    from bus b left join meter m on m.bus_id = b.id
    where b.edge_id = ${edgeId}
    group by b.id order by b.id`;
  return rows.map((row) => ({ ...row, address: addressShape.parse(row.address) }));
}
