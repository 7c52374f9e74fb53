import type { Statement } from './connect.ts';

/** The meters of an edge's company, by serial number. */
export async function findMeterIds(
  statement: Statement,
  { edgeId, serials }: { edgeId: number; serials: readonly string[] },
): Promise<ReadonlyMap<string, number>> {
  const rows = await statement<{ serial: string; id: number }[]>`
    select m.serial, m.id from meter m join edge e on e.company_id = m.company_id
    join json_array_elements_text(${JSON.stringify(serials)}::text::json) as s(serial)
      on s.serial = m.serial
    where e.id = ${edgeId}`;
  return new Map(rows.map(({ serial, id }) => [serial, id]));
}
