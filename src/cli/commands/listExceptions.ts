import { pageReadingExceptions } from '../../db/exceptionReads.ts';
import type { ReadingExceptionView } from '../../db/exceptionReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { meterEventName } from '../../domain/series/meterEvent.ts';
import { accept } from '../../domain/outcome.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { findPlace } from '../meterAt.ts';
import { staffViewer } from '../viewer.ts';
import { meterNumberOf } from '../wholeNumber.ts';

export type ListExceptionsOptions = {
  readonly company: string;
  readonly meter: string | undefined;
  readonly number: string | undefined;
  readonly waiting: boolean;
  readonly database: string | undefined;
};

function stateOf({ takenAt, dismissedBy }: ReadingExceptionView): string {
  if (takenAt !== null) return ' [taken in]';
  return dismissedBy === null ? '' : ` [dismissed by ${dismissedBy}]`;
}

function lineOf(row: ReadingExceptionView): string {
  const { meterId, channel, readAt, value, event, code, message } = row;
  const at = `${readAt.toISOString()} meter ${meterId}`;
  const what =
    event === null ? `channel ${channel ?? 'unknown'}: ${value}` : `log: ${meterEventName(event)}`;
  return `${at}, ${what} ${code}${stateOf(row)}: ${message}`;
}

/** Readings not billed and lines of meters' logs, newest first; those that wait alone, if asked. */
export async function listExceptions(options: ListExceptionsOptions): Promise<Answer> {
  const { meter, number, waiting } = options;
  if (meter !== undefined && number !== undefined) {
    throw new Misused('give --meter of a registered meter, or --number of one that is not');
  }
  const named = number === undefined ? null : meterNumberOf(number);
  const place = await findPlace(meter, options);
  if (!place.ok) return place;
  const { url, companyId, meterId } = place.value;
  const filter = { meterId: meterId ?? named, isWaiting: waiting ? true : null };
  const page = { after: null, before: null, limit: pageSizeMax, inverted: false };
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const rows = await asViewer(sql, staffViewer(companyId, 'operator'), (tx) =>
      pageReadingExceptions(tx, filter, page),
    );
    const count = rows.length === pageSizeMax ? `the newest ${rows.length}` : String(rows.length);
    const sentence = [`${count} rows`, ...rows.map(lineOf)].join('\n');
    return accept({ sentence, facts: { exceptions: rows } });
  });
}
