import { findMeterId } from '../db/directory.ts';
import { ringBell } from '../db/bells.ts';
import type { Sql } from '../db/connect.ts';
import { wakeReaders } from '../db/events.ts';
import type { Bell } from '../domain/bell.ts';
import type { CompanyId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseInstant } from '../domain/time/instantText.ts';
import { wholeOf, wholeWithin } from '../domain/wholeText.ts';
import type { RequestDeps } from '../operations/onceByKey.ts';
import { Misused } from './answer.ts';
import { databaseUrl, withDatabase } from './database.ts';
import { companyNamed, staffViewer } from './viewer.ts';

export type MeterOptions = {
  readonly company: string;
  readonly database: string | undefined;
};

export type FoundMeter = {
  readonly url: string;
  readonly companyId: CompanyId;
  readonly meterId: number;
};

/** A meter by what people call it. */
export async function findMeter(serial: string, options: MeterOptions) {
  const url = databaseUrl(options.database);
  return withDatabase(
    url,
    'joulebook_writer',
    async (sql): Promise<Outcome<FoundMeter, string>> => {
      const companyId = await companyNamed(sql, options.company);
      if (!companyId.ok) return companyId;
      const meterId = await findMeterId(sql, { companyId: companyId.value, serial });
      if (meterId !== null) return accept({ url, companyId: companyId.value, meterId });
      return refuse('METER_NOT_FOUND', `The company has no meter "${serial}". Correct the serial.`);
    },
  );
}

/** A company, and one of its meters where a serial was given. */
export async function findPlace(
  serial: string | undefined,
  options: MeterOptions,
): Promise<Outcome<Omit<FoundMeter, 'meterId'> & { readonly meterId: number | null }, string>> {
  if (serial !== undefined) return findMeter(serial, options);
  const url = databaseUrl(options.database);
  const companyId = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!companyId.ok) return companyId;
  return accept({ url, companyId: companyId.value, meterId: null });
}

/** Does something as the company's operator, and wakes whoever waits for it after the commit. */
export async function asOperator<T>(
  { url, companyId }: Pick<FoundMeter, 'url' | 'companyId'>,
  work: (deps: RequestDeps, viewer: ReturnType<typeof staffViewer>) => Promise<Outcome<T, string>>,
) {
  return withDatabase(url, 'joulebook_api', async (sql: Sql) => {
    const bells: Bell[] = [];
    const deps = { sql, clock: { nowMs: Date.now }, wake: (bell: Bell) => bells.push(bell) };
    const done = await work(deps, staffViewer(companyId, 'operator'));
    for (const bell of done.ok ? bells : []) {
      await (bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell));
    }
    return done;
  });
}

export function instantOf(text: string): number {
  const parsed = parseInstant(text);
  if (!parsed.ok) throw new Misused(parsed.message);
  return parsed.value;
}

/** Whole counts of a register, such as 45231400. */
export function countsOf(text: string): bigint {
  const counts = wholeOf(text);
  if (counts !== null) return counts;
  throw new Misused(`"${text}" is no register value: write whole Wh, varh or litres`);
}

export function channelNumber(text: string): number {
  const channel = wholeWithin(text);
  if (channel !== null) return channel;
  throw new Misused(`"${text}" is no channel: 1 is the main register, 2 export`);
}
