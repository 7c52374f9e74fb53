import type { KeyObject } from 'node:crypto';
import { ringBell } from '../db/bells.ts';
import { connect } from '../db/connect.ts';
import { findMeterId } from '../db/directory.ts';
import type { Sql } from '../db/connect.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import type { Bell } from '../domain/bell.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { OfficeDeps } from '../operations/office/enterReadings.ts';
import { databaseRefusal, databaseUrl } from './database.ts';
import type { DatabaseCode } from './database.ts';
import { companyNamed, staffViewer } from './viewer.ts';

export type OfficeOptions = {
  readonly company: string;
  readonly database: string | undefined;
  readonly data: string | undefined;
  readonly officeKey?: string;
};

export type OfficeGround = {
  readonly deps: OfficeDeps;
  readonly viewer: Viewer;
  readonly writer: Sql;
};

/** Lends both roles' connections and an operator of the company, and rings what is to be rung. */
export async function withOffice<T, Code extends string>(
  options: OfficeOptions,
  key: KeyObject,
  work: (ground: OfficeGround) => Promise<Outcome<T, Code>>,
): Promise<Outcome<T, Code | DatabaseCode | 'COMPANY_NOT_FOUND'>> {
  const url = databaseUrl(options.database);
  const open: { close(): Promise<void> }[] = [];
  try {
    const of = { connectionsMax: 1, name: 'ems-cli' };
    const writer = await connect(url, { ...of, role: 'joulebook_writer' });
    open.push(writer);
    const api = await connect(url, { ...of, role: 'joulebook_api' });
    open.push(api);
    const company = await companyNamed(writer.sql, options.company);
    if (!company.ok) return company;
    const bells: Bell[] = [];
    const deps: OfficeDeps = {
      sql: api.sql,
      clock: { nowMs: Date.now },
      wake: (bell) => bells.push(bell),
      office: { writer: writer.sql, key },
    };
    const viewer = staffViewer(company.value, 'operator');
    const done = await work({ deps, viewer, writer: writer.sql });
    for (const bell of bells) if (bell.kind !== 'events') await ringBell(writer.sql, bell);
    return done;
  } catch (error) {
    const refusal = databaseRefusal(error, url);
    if (refusal === null) throw error;
    return refusal;
  } finally {
    for (const each of open) await each.close();
  }
}

export async function meterOfSerial(
  { writer, viewer }: OfficeGround,
  serial: string,
): Promise<Outcome<number, 'METER_NOT_FOUND'>> {
  const found = await findMeterId(writer, { companyId: viewer.companyId, serial });
  if (found !== null) return accept(found);
  return refuse('METER_NOT_FOUND', `The company has no meter "${serial}". Correct the serial.`);
}
