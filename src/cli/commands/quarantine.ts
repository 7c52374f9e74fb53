import { findQuarantined, isQuarantineKey, pageQuarantine, placeOf } from '../../db/quarantine.ts';
import type { QuarantinedBatch, QuarantineView } from '../../db/quarantine.ts';
import type { Sql } from '../../db/connect.ts';
import type { CompanyId } from '../../domain/ids.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { lookedIntoRowsMax } from '../../domain/shownLimits.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { lookInside } from '../../operations/office/batchContent.ts';
import { correctQuarantined } from '../../operations/office/correctQuarantined.ts';
import { isClaimedBy } from '../../operations/office/quarantined.ts';
import {
  dismissQuarantined,
  replayQuarantined,
} from '../../operations/office/replayQuarantined.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { withOffice } from '../officeDatabase.ts';
import type { OfficeOptions } from '../officeDatabase.ts';
import { officeKeyFrom } from '../officeKey.ts';
import { companyNamed } from '../viewer.ts';
import { keyOrRandom, outrankedSentence, withReadingsFile } from './enterReadings.ts';

type OwnerOptions = {
  readonly company: string | undefined;
  readonly unknown: boolean;
};

export type ShowOptions = OwnerOptions & { readonly database: string | undefined };

export type ListOptions = ShowOptions & {
  readonly code: string | undefined;
  readonly all: boolean;
  readonly edge: string | undefined;
};

function lineOf(row: QuarantineView): string {
  const edge = row.edgeName ?? 'nobody known';
  const decided = row.resolution === null ? '' : ` [${row.resolution} by ${row.resolvedBy ?? '?'}]`;
  return `${row.key} ${row.receivedAt.toISOString()} ${edge}${decided}: ${row.message}`;
}

/** One company's, or those of senders that nobody knows: never of several companies at once. */
async function ownerOf(
  sql: Sql,
  { company, unknown }: OwnerOptions,
): Promise<Outcome<CompanyId | null, 'COMPANY_NOT_FOUND'>> {
  if ((company === undefined) !== unknown) {
    throw new Misused('give --company NAME, or --unknown for batches of senders that nobody knows');
  }
  return company === undefined ? accept(null) : companyNamed(sql, company);
}

/** The newest batches that were not accepted. */
export function listQuarantine(options: ListOptions): Promise<Answer> {
  const { code = null, all, edge = null, unknown } = options;
  if (unknown && edge !== null) throw new Misused('--unknown are senders without an --edge');
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const owner = await ownerOf(sql, options);
    if (!owner.ok) return owner;
    const filter = {
      companyId: owner.value,
      isOpen: all ? null : true,
      code,
      edgeName: edge,
      isUnknown: unknown ? true : null,
    };
    const page = { after: null, before: null, limit: pageSizeMax, inverted: false };
    const rows = await pageQuarantine(sql, filter, page);
    const lines = rows.map(lineOf);
    const count = rows.length === pageSizeMax ? `the newest ${rows.length}` : String(rows.length);
    const sentence = [`${count} batches`, ...lines].join('\n');
    return accept({ sentence, facts: { batches: rows } });
  });
}

/** A company looks at what it may decide about: of a sender unknown then, whose key it has now. */
async function isOf(
  sql: Sql,
  { companyId, carried }: QuarantinedBatch,
  owner: CompanyId | null,
): Promise<boolean> {
  if (companyId !== null || owner === null) return companyId === owner;
  return isClaimedBy(sql, carried, owner);
}

/** What is inside one of them, whether it is believed or not. */
export function showQuarantined(id: string, options: ShowOptions): Promise<Answer> {
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const owner = await ownerOf(sql, options);
    if (!owner.ok) return owner;
    const found = isQuarantineKey(id) ? await findQuarantined(sql, placeOf(id)) : null;
    if (found === null || !(await isOf(sql, found, owner.value))) {
      const whose = options.unknown ? '--unknown' : `--company "${options.company ?? ''}"`;
      const message = `There is no such batch. List them: ems-cli quarantine list ${whose}.`;
      return refuse('QUARANTINE_NOT_FOUND', message);
    }
    const content = lookInside(found.carried, lookedIntoRowsMax);
    const carried = Buffer.from(found.carried).toString('base64');
    const { code, resolution } = found;
    const facts = { id, code, resolution, content, carried };
    return accept({ sentence: JSON.stringify(content, null, 2), facts });
  });
}

export type DecideOptions = OfficeOptions & {
  readonly reason: string;
  readonly key: string | undefined;
};

export async function decideQuarantined(
  id: string,
  kind: 'replay' | 'dismiss',
  options: DecideOptions,
): Promise<Answer> {
  const key = officeKeyFrom({ data: options.data, officeKey: options.officeKey });
  if (!key.ok) return key;
  return withOffice(options, key.value, async ({ deps, viewer }) => {
    const input = { idempotencyKey: keyOrRandom(options.key), key: id, reason: options.reason };
    const decide = kind === 'replay' ? replayQuarantined : dismissQuarantined;
    const done = await decide(deps, viewer, input);
    if (!done.ok) return done;
    const { state, isReplay } = done.value;
    const sentence = isReplay ? `${id}: ${state} before; nothing is new.` : `${id}: ${state}.`;
    return accept({ sentence, facts: { id, state, isReplay } });
  });
}

/** Corrected readings from a CSV go in as a batch of the office that names the refused one. */
export async function correctFromFile(
  id: string,
  file: string,
  options: DecideOptions,
): Promise<Answer> {
  const { reason } = options;
  return withReadingsFile(file, options, async ({ deps, viewer }, { readings, text }) => {
    const done = await correctQuarantined(deps, viewer, {
      idempotencyKey: options.key ?? derivedId('correct', id, reason, text),
      key: id,
      reason,
      readings,
    });
    if (!done.ok) return done;
    const { readings: count, batches, isReplay } = done.value;
    const places = batches.map(({ epoch, sequence }) => `epoch ${epoch}, sequence ${sequence}`);
    const by = `by the office's batch ${places.join(' and ')}`;
    const sentence = isReplay
      ? `${id} was corrected before, ${by}; nothing is new.`
      : `${id}: ${count} corrected readings are in the log, ${by}.`;
    const facts = { id, ...done.value };
    return accept({ sentence: sentence + outrankedSentence(done.value), facts });
  });
}
