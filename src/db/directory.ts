import type { Statement } from './connect.ts';

/** Ids by the names that people use, for who is at the command line. Writer's role. */

export async function findCompanyId(statement: Statement, name: string): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`select id from company where name = ${name}`;
  return row?.id ?? null;
}

export async function hasCompany(statement: Statement, companyId: number): Promise<boolean> {
  const found = await statement`select from company where id = ${companyId}`;
  return found.length > 0;
}

export async function findAccountId(
  statement: Statement,
  { companyId, number }: { companyId: number; number: string },
): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`
    select id from account where company_id = ${companyId} and number = ${number}`;
  return row?.id ?? null;
}

export async function findTariffId(
  statement: Statement,
  { companyId, name }: { companyId: number; name: string },
): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`
    select id from tariff where company_id = ${companyId} and name = ${name}`;
  return row?.id ?? null;
}

export async function findMeterId(
  statement: Statement,
  { companyId, serial }: { companyId: number; serial: string },
): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`
    select id from meter where company_id = ${companyId} and serial = ${serial}`;
  return row?.id ?? null;
}

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
