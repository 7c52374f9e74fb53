import { ringBell } from '../db/bells.ts';
import type { Sql } from '../db/connect.ts';
import { wakeReaders } from '../db/events.ts';
import type { Role, Viewer } from '../domain/access/viewer.ts';
import type { Bell } from '../domain/bell.ts';
import { correctionMicrosMax } from '../domain/limits.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { RequestDeps } from '../operations/onceByKey.ts';
import type { Answer, Told } from './answer.ts';
import { databaseUrl, withDatabase } from './database.ts';
import { accountNumbered, companyNamed, personAs, staffViewer } from './viewer.ts';

export type DeskOptions = {
  readonly company: string;
  readonly database: string | undefined;
  /** Who it is, where two people are needed; without a name everybody is the same one. */
  readonly person?: string | undefined;
};

/** Of commands whose large amounts take two people. */
export const personOption = [
  '--person <name>',
  `who says so: above ${correctionMicrosMax / 1_000_000n} it takes two people, under one --key`,
] as const;

export type Desk = { readonly deps: RequestDeps; readonly viewer: Viewer };

/** Work of a company's staff at the command line; the bells are rung after it. */
export async function atDesk<Code extends string>(
  options: DeskOptions,
  role: Exclude<Role, 'subscriber'>,
  work: (desk: Desk) => Promise<Outcome<Told, Code>>,
): Promise<Answer> {
  const url = databaseUrl(options.database);
  const company = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!company.ok) return company;
  const staff = staffViewer(company.value, role);
  const { person } = options;
  const viewer = person === undefined ? staff : personAs(staff, person);
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells = new Map<string, Bell>();
    const wake = (bell: Bell) => bells.set(JSON.stringify(bell), bell);
    const done = await work({ deps: { sql, clock: { nowMs: Date.now }, wake }, viewer });
    for (const bell of bells.values()) await ring(sql, bell);
    return done;
  });
}

/** An account by its number. */
export function deskAccount(options: DeskOptions & { readonly account: string }) {
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    return accountNumbered(sql, { companyId: company.value, number: options.account });
  });
}

function ring(sql: Sql, bell: Bell): Promise<void> {
  return bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell);
}
