import type { Statement } from './connect.ts';

/** Ids by the names that people use, for who is at the command line. Writer's role. */

export async function findCompanyId(statement: Statement, name: string): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`select id from company where name = ${name}`;
  return row?.id ?? null;
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
