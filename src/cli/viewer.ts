import { findAccountId, findCompanyId } from '../db/directory.ts';
import type { Sql } from '../db/connect.ts';
import type { Role, Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import { parseAccountId, parseCompanyId } from '../domain/ids.ts';
import type { AccountId, CompanyId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export async function companyNamed(
  sql: Sql,
  name: string,
): Promise<Outcome<CompanyId, 'COMPANY_NOT_FOUND'>> {
  const found = await findCompanyId(sql, name);
  if (found === null) {
    const message = `There is no company "${name}". Register its fleet, or correct the name.`;
    return refuse('COMPANY_NOT_FOUND', message);
  }
  const companyId = parseCompanyId(found);
  assert(companyId.ok, 'the database counts its ids from 1');
  return companyId;
}

export async function accountNumbered(
  sql: Sql,
  account: { companyId: CompanyId; number: string },
): Promise<Outcome<AccountId, 'ACCOUNT_NOT_FOUND'>> {
  const found = await findAccountId(sql, account);
  if (found === null) {
    const message = `The company has no account "${account.number}". Correct the number.`;
    return refuse('ACCOUNT_NOT_FOUND', message);
  }
  const accountId = parseAccountId(found);
  assert(accountId.ok, 'the database counts its ids from 1');
  return accountId;
}

/** Whoever may open the database acts for its staff; the audit says that it was done here. */
export function staffViewer(companyId: CompanyId, role: Exclude<Role, 'subscriber'>): Viewer {
  return { companyId, role, accountId: null, actor: `cli:${role}`, persistedOnly: false };
}

/** One of several people, of whom each counts. */
export function personAs(viewer: Viewer, person: string): Viewer {
  return { ...viewer, actor: `cli:${person}` };
}

/** The person or machine that a token is made for. */
export async function tokenViewer(
  sql: Sql,
  asked: { company: string; role: Role; account: string | undefined; isPartner: boolean },
): Promise<Outcome<Viewer, 'COMPANY_NOT_FOUND' | 'ACCOUNT_NOT_FOUND'>> {
  const companyId = await companyNamed(sql, asked.company);
  if (!companyId.ok) return companyId;
  const { role, isPartner: persistedOnly } = asked;
  const about = { companyId: companyId.value, role, persistedOnly };
  if (asked.account === undefined) {
    return accept({ ...about, accountId: null, actor: persistedOnly ? `partner:${role}` : role });
  }
  const account = { companyId: companyId.value, number: asked.account };
  const accountId = await accountNumbered(sql, account);
  if (!accountId.ok) return accountId;
  return accept({ ...about, accountId: accountId.value, actor: `${role}:${asked.account}` });
}
