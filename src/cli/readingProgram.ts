import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { databaseUrl } from './database.ts';
import {
  dismissHeldBackRows,
  editOneReading,
  recordReadingsFile,
  retryHeldBack,
} from './commands/enterReadings.ts';
import type { DismissOptions, EditOptions } from './commands/enterReadings.ts';
import { listExceptions } from './commands/listExceptions.ts';
import type { ListExceptionsOptions } from './commands/listExceptions.ts';
import { dropOldDays, verifyWholeLog } from './commands/logChecks.ts';
import {
  correctFromFile,
  decideQuarantined,
  listQuarantine,
  showQuarantined,
} from './commands/quarantine.ts';
import type { DecideOptions, ListOptions, ShowOptions } from './commands/quarantine.ts';
import { reconcileBooks } from './commands/reconcileBooks.ts';
import type { ReconcileOptions } from './commands/reconcileBooks.ts';
import { traceOneReading } from './commands/traceOneReading.ts';
import type { TraceOptions } from './commands/traceOneReading.ts';
import type { OfficeOptions } from './officeDatabase.ts';

export type Building = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

type Json = { readonly json: boolean };

function ofCompany(command: Command): Command {
  return command.requiredOption('--company <name>', 'as it is registered');
}

/** Entered readings are signed: the same key as the server's is needed. */
function byOffice(command: Command): Command {
  return ofCompany(command).option(
    '--office-key <file>',
    'PEM of the key of the offices; without it JOULEBOOK_OFFICE_KEY, or that of --data',
  );
}

function withReason(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'stands with it for ever')
    .option('--key <uuid>', 'the same key again changes nothing more');
}

/** What people enter and look up about readings. */
function addReading(program: Command, { leaf, withUrl, finish }: Building): void {
  const reading = program.command('reading').description('readings by hand, edits, traces');
  byOffice(withUrl(leaf(reading, 'record <file>', 'a CSV of meter,channel,readAt,value[,quality]')))
    .requiredOption('--reason <text>', 'stands with the readings for ever')
    .action(async (file: string, { json, ...options }: Json & OfficeOptions & { reason: string }) =>
      finish(await recordReadingsFile(file, options), json),
    );
  withReason(byOffice(withUrl(leaf(reading, 'edit', 'another value for a reading, or none'))))
    .requiredOption('--meter <serial>', 'as it is registered')
    .requiredOption('--at <instant>', 'of the reading, such as 2026-03-01T00:00:00Z')
    .requiredOption('--supersedes <revision>', 'that it takes the place of; 0: as it was read')
    .option('--channel <number>', '1 is import', '1')
    .option('--value <number>', 'what the register showed, in whole Wh')
    .option('--void', 'the reading does not count', false)
    .action(async ({ json, ...options }: Json & EditOptions) =>
      finish(await editOneReading(options), json),
    );
  ofCompany(withUrl(leaf(reading, 'trace', 'from a reading to its batch, signature and author')))
    .requiredOption('--meter <serial>', 'as it is registered')
    .requiredOption('--at <instant>', 'such as 2026-03-01T00:00:00Z')
    .option('--channel <number>', '1 is import', '1')
    .action(async ({ json, ...options }: Json & TraceOptions) =>
      finish(await traceOneReading(options), json),
    );
  byOffice(withUrl(leaf(reading, 'retry', 'look again at rows that are held back')))
    .option('--meter <serial>', 'without it all meters of the company')
    .option('--key <uuid>', 'the same key again asks nothing more')
    .action(async ({ json, ...options }: Json & Parameters<typeof retryHeldBack>[0]) =>
      finish(await retryHeldBack(options), json),
    );
  ofCompany(withUrl(leaf(reading, 'exceptions', 'rows that were not billed, the newest first')))
    .option('--meter <serial>', 'as it is registered')
    .option('--number <number>', 'of a meter that is not registered, as the batch names it')
    .option('--waiting', 'only rows that are held back, until somebody decides', false)
    .action(async ({ json, ...options }: Json & ListExceptionsOptions) =>
      finish(await listExceptions(options), json),
    );
  withReason(byOffice(withUrl(leaf(reading, 'dismiss', 'leave rows held back out for good'))))
    .option('--meter <serial>', 'as it is registered')
    .option('--number <number>', 'of a meter that is not registered, as the batch names it')
    .option('--code <code>', 'such as METER_UNKNOWN')
    .option('--from <instant>', 'of the reading')
    .option('--to <instant>', 'of the reading, exclusive')
    .action(async ({ json, ...options }: Json & DismissOptions) =>
      finish(await dismissHeldBackRows(options), json),
    );
}

/** Batches that were not accepted. */
function addQuarantine(program: Command, { leaf, withUrl, finish }: Building): void {
  const quarantine = program.command('quarantine').description('batches that were not accepted');
  const owned = (command: Command): Command =>
    withUrl(command)
      .option('--company <name>', 'as it is registered')
      .option('--unknown', 'of senders that nobody knows, which no company sees', false);
  owned(leaf(quarantine, 'list', 'the newest that wait for somebody'))
    .option('--code <code>', 'such as BATCH_SIGNATURE_WRONG')
    .option('--edge <name>', 'that sent them')
    .option('--all', 'those that were decided about, too', false)
    .action(async ({ json, ...options }: Json & ListOptions) =>
      finish(await listQuarantine(options), json),
    );
  owned(leaf(quarantine, 'show <id>', 'what is inside, as far as it can be read')).action(
    async (id: string, { json, ...options }: Json & ShowOptions) =>
      finish(await showQuarantined(id, options), json),
  );
  for (const [kind, text] of [
    ['replay', 'take it in as it came, because its cause is gone'],
    ['dismiss', 'leave it out for good'],
  ] as const) {
    withReason(byOffice(withUrl(leaf(quarantine, `${kind} <id>`, text)))).action(
      async (id: string, { json, ...options }: Json & DecideOptions) =>
        finish(await decideQuarantined(id, kind, options), json),
    );
  }
  withReason(
    byOffice(withUrl(leaf(quarantine, 'correct <id> <file>', 'take in what it should have said'))),
  ).action(async (id: string, file: string, { json, ...options }: Json & DecideOptions) =>
    finish(await correctFromFile(id, file, options), json),
  );
}

/** Commands of readings by hand, of quarantine and of what is counted twice. */
export function addReadings(program: Command, building: Building): void {
  const { leaf, withUrl, finish } = building;
  addReading(program, building);
  addQuarantine(program, building);
  ofCompany(withUrl(leaf(program, 'reconcile', 'sent, committed, rated, posted, counted twice')))
    .option('--from <instant>', 'of the readings; a week before --to')
    .option('--to <instant>', 'now')
    .action(async ({ json, ...options }: Json & ReconcileOptions) =>
      finish(await reconcileBooks(options, json), json),
    );
}

/** What is done with the log as a whole. */
export function addLog(log: Command, { leaf, withUrl, finish }: Building): void {
  type Common = Json & { readonly database: string | undefined };
  withUrl(leaf(log, 'verify', 'every signature, hash, chain, guard and position')).action(
    async ({ json, database }: Common) =>
      finish(await verifyWholeLog(databaseUrl(database), json), json),
  );
  withUrl(leaf(log, 'retention', 'drop the days that are older, whole and oldest first'))
    .requiredOption('--days <number>', 'that are kept')
    .action(async ({ json, database, days }: Common & { days: string }) =>
      finish(await dropOldDays(databaseUrl(database), days), json),
    );
}
