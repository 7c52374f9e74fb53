import { createHash } from 'node:crypto';
import { insertAuditOnce } from '../../db/audit.ts';
import {
  findBankEntry,
  findChannelNamed,
  findOneAccount,
  findReversed,
  findWaitingReversal,
  insertBankEntry,
  insertStatement,
} from '../../db/bank.ts';
import type { Transaction } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import { holdName } from '../../db/idempotency.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { referenceCandidates, textCandidates } from '../../domain/payment/remittance.ts';
import { bankSettings, isSameAccount, readBankFile } from '../../wire/bank/settings.ts';
import type { BankFile, BankFileCode, BankFileEntry } from '../../wire/bank/statement.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { applyPaymentEvent } from './applyPaymentEvent.ts';
import type { PaymentCode } from './applyPaymentEvent.ts';

export type ImportInput = {
  /** The name of a channel of kind bank. */
  readonly channel: string;
  /** The bytes as the bank sent them. */
  readonly file: Uint8Array;
};

export type ImportCode =
  | BankFileCode
  | 'NOT_PERMITTED'
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'CHANNEL_SETTINGS_MALFORMED'
  | 'BANK_FILE_OTHER_ACCOUNT'
  | 'BANK_FILE_NOT_UTF8';

/** What became of an entry. */
export type EntryFate =
  /** On the account that it names. */
  | 'credited'
  /** In suspense: it names no account, or several. */
  | 'suspense'
  /** It took back the payment that it names. */
  | 'reversed'
  /** What took it back had come before it, with another file: it moved nothing in the end. */
  | 'taken_back'
  /** It takes something back, nobody knows what: a person has to look. */
  | 'reversal_unmatched'
  /** The company's own payments, and what came back of them. */
  | 'not_a_payment'
  /** It came with an earlier file. */
  | 'known'
  /** The bank's reference came before with another amount. */
  | 'conflict'
  /** In another currency, or above what a payment may be. */
  | 'refused';

export type ImportedStatement = {
  readonly statementId: number;
  /** The same file was given before: whatever was missing of it was made up for. */
  readonly isReplay: boolean;
  readonly entries: number;
  readonly fates: Readonly<Record<EntryFate, number>>;
  /** Entries that a person has to look at. */
  readonly remarks: readonly { readonly entryRef: string; readonly code: string }[];
};

const remarksMax = 100;

type Done = {
  readonly fate: EntryFate;
  readonly code?: PaymentCode | 'BANK_ENTRY_REUSED' | 'BANK_REVERSAL_UNMATCHED';
  readonly paymentId: string | null;
  readonly commandsRequested: boolean;
};

type Ground = {
  readonly channel: PaymentChannel;
  readonly statementId: number;
  readonly viewer: Viewer;
  readonly nowMs: number;
};

async function accountOf(
  tx: Transaction,
  companyId: number,
  { structuredRef, remittance }: BankFileEntry,
): Promise<number | null> {
  const byReference =
    structuredRef === null
      ? null
      : await findOneAccount(tx, { companyId, numbers: referenceCandidates(structuredRef) });
  return byReference ?? findOneAccount(tx, { companyId, numbers: textCandidates(remittance) });
}

/** What is known of an entry, of this file or of an earlier one. */
type Said = Omit<BankFileEntry, 'structuredRef' | 'isReversal'>;

function eventOf(entry: Said, { channel, viewer, nowMs }: Ground) {
  const { entryRef, amountMicros, currency } = entry;
  const said = JSON.stringify([entryRef, amountMicros.toString(), currency]);
  return {
    companyId: channel.companyId,
    channelId: channel.id,
    eventId: entryRef,
    currency,
    totalMicros: amountMicros < 0n ? -amountMicros : amountMicros,
    occurredAtMs: Date.parse(`${entry.bookedOn}T00:00:00Z`),
    receivedAtMs: nowMs,
    bodyHash: createHash('sha256').update(said).digest(),
    actor: viewer.actor,
  };
}

async function credit(tx: Transaction, entry: BankFileEntry, ground: Ground): Promise<Done> {
  const { entryRef } = entry;
  const { channel } = ground;
  const accountId = await accountOf(tx, channel.companyId, entry);
  const event = { ...eventOf(entry, ground), reference: entryRef, accountId };
  const applied = await applyPaymentEvent(tx, { ...event, kind: 'captured' });
  if (!applied.ok) {
    return { fate: 'refused', code: applied.code, paymentId: null, commandsRequested: false };
  }
  const { paymentId, commandsRequested } = applied.value;
  const fate = applied.value.accountId === null ? 'suspense' : 'credited';
  return { fate, paymentId, commandsRequested };
}

/** A returned debit or a recalled transfer, which the bank took back from the company. */
async function reverse(tx: Transaction, entry: Said, ground: Ground): Promise<Done> {
  const { channel } = ground;
  const reference = await findReversed(tx, { ...entry, channelId: channel.id });
  const nothing = { paymentId: null, commandsRequested: false };
  if (reference === null) {
    return { fate: 'reversal_unmatched', code: 'BANK_REVERSAL_UNMATCHED', ...nothing };
  }
  const event = { ...eventOf(entry, ground), reference, accountId: null, part: entry.entryRef };
  const applied = await applyPaymentEvent(tx, { ...event, kind: 'disputed' });
  if (!applied.ok) return { fate: 'refused', code: applied.code, ...nothing };
  const { paymentId, commandsRequested } = applied.value;
  return { fate: 'reversed', paymentId, commandsRequested };
}

/** What takes a credit back may stand in a file that was imported before the credit's own. */
async function takeBack(
  tx: Transaction,
  entry: BankFileEntry,
  { ground, credited }: { ground: Ground; credited: Done },
): Promise<Done> {
  const { id: channelId } = ground.channel;
  const waiting = await findWaitingReversal(tx, { ...entry, channelId });
  const reversed = waiting === null ? null : await reverse(tx, waiting, ground);
  if (reversed?.fate !== 'reversed') return credited;
  const commandsRequested = credited.commandsRequested || reversed.commandsRequested;
  return { ...credited, fate: 'taken_back', commandsRequested };
}

async function auditRemark(
  tx: Transaction,
  entry: BankFileEntry,
  { ground, code }: { ground: Ground; code: string },
): Promise<void> {
  const { channel, statementId, viewer, nowMs } = ground;
  const said = [entry.entryRef, entry.amountMicros.toString(), entry.currency];
  await insertAuditOnce(tx, {
    id: derivedId('bank_entry', String(channel.id), code, ...said),
    companyId: channel.companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'bank.entryUnposted',
    subject: `payment_channel/${channel.id}`,
    before: null,
    after: { code, entryRef: entry.entryRef, statementId },
  });
}

async function takeEntry(tx: Transaction, entry: BankFileEntry, ground: Ground): Promise<Done> {
  const { channel, statementId } = ground;
  const { entryRef, amountMicros, currency, bookedOn, remittance, isReversal } = entry;
  const key = { channelId: channel.id, entryRef };
  // What a reversal takes back is looked for: of two at once the second finds it taken.
  await holdName(tx, `bank/${channel.id}`);
  const known = await findBankEntry(tx, key);
  const nothing = { paymentId: null, commandsRequested: false };
  if (known !== null) {
    const isSame = known.amountMicros === amountMicros && known.currency === currency;
    if (isSame) return { fate: 'known', ...nothing };
    await auditRemark(tx, entry, { ground, code: 'BANK_ENTRY_REUSED' });
    return { fate: 'conflict', code: 'BANK_ENTRY_REUSED', ...nothing };
  }
  let done: Done = { fate: 'not_a_payment', ...nothing };
  if (amountMicros > 0n && !isReversal) done = await credit(tx, entry, ground);
  else if (amountMicros < 0n && isReversal) done = await reverse(tx, entry, ground);
  const { companyId } = channel;
  const said = { amountMicros, currency, bookedOn, remittance, isReversal };
  await insertBankEntry(tx, {
    ...key,
    ...said,
    companyId,
    statementId,
    paymentId: done.paymentId,
  });
  if (done.fate === 'reversal_unmatched') {
    await auditRemark(tx, entry, { ground, code: 'BANK_REVERSAL_UNMATCHED' });
  }
  return done.paymentId !== null && !isReversal
    ? takeBack(tx, entry, { ground, credited: done })
    : done;
}

/** Many banks write the newest entry first: what a file takes back is there before it is. */
function inTurn(entries: readonly BankFileEntry[]): readonly BankFileEntry[] {
  return entries.toSorted((left, right) => Number(left.isReversal) - Number(right.isReversal));
}

type Opened = { readonly channel: PaymentChannel; readonly file: BankFile };

async function open(
  { sql }: RequestDeps,
  viewer: Viewer,
  input: ImportInput,
): Promise<Outcome<Opened, ImportCode>> {
  const { companyId } = viewer;
  const channel = await asViewer(sql, viewer, (tx) =>
    findChannelNamed(tx, { companyId, name: input.channel }),
  );
  if (channel === null || channel.kind !== 'bank') {
    return refuse('PAYMENT_CHANNEL_UNKNOWN', `The company has no bank "${input.channel}".`);
  }
  const settings = bankSettings.safeParse(channel.settings);
  if (!settings.success) {
    return refuse('CHANNEL_SETTINGS_MALFORMED', "The channel's settings are none of a bank.");
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(input.file);
  } catch {
    return refuse('BANK_FILE_NOT_UTF8', 'The file is no UTF-8. Convert it, then import it again.');
  }
  const { currency } = channel;
  const file = readBankFile(text, { settings: settings.data, currency });
  if (!file.ok) return file;
  const { account } = settings.data;
  const said = file.value.account;
  if (account !== undefined && said !== null && !isSameAccount(account, said)) {
    const message = 'The statement is of another account at the bank than this channel.';
    return refuse('BANK_FILE_OTHER_ACCOUNT', message);
  }
  return accept({ channel, file: file.value });
}

/**
 * Takes in a bank's statement: the file once by its bytes, each entry once by the bank's own
 * reference and in a transaction of its own, so that a file that was broken off is given again and
 * goes on where it was.
 */
export async function importStatement(
  deps: RequestDeps & { readonly onProgress?: (done: number, of: number) => void },
  viewer: Viewer,
  input: ImportInput,
): Promise<Outcome<ImportedStatement, ImportCode>> {
  if (!isAllowed(viewer.role, 'Mutation.allocatePayment')) {
    return refuse('NOT_PERMITTED', 'Your role may not import bank files. Ask an operator.');
  }
  const opened = await open(deps, viewer, input);
  if (!opened.ok) return opened;
  const { channel, file } = opened.value;
  const { sql, clock, wake } = deps;
  const { companyId } = channel;
  const nowMs = clock.nowMs();
  const fileHash = createHash('sha256').update(input.file).digest();
  const statement = await asViewer(sql, viewer, (tx) =>
    insertStatement(tx, {
      companyId,
      channelId: channel.id,
      fileHash,
      format: file.format,
      statementRef: file.statementRef,
      importedAtMs: nowMs,
      importedBy: viewer.actor,
    }),
  );
  const ground: Ground = { channel, statementId: statement.id, viewer, nowMs };
  const fates: Record<EntryFate, number> = {
    credited: 0,
    suspense: 0,
    reversed: 0,
    taken_back: 0,
    reversal_unmatched: 0,
    not_a_payment: 0,
    known: 0,
    conflict: 0,
    refused: 0,
  };
  const remarks: { entryRef: string; code: string }[] = [];
  for (const [index, entry] of inTurn(file.entries).entries()) {
    const done = await asViewer(sql, viewer, (tx) => takeEntry(tx, entry, ground));
    fates[done.fate] += 1;
    const { entryRef } = entry;
    const { code } = done;
    if (code !== undefined && remarks.length < remarksMax) remarks.push({ entryRef, code });
    if (done.paymentId !== null) wake({ kind: 'events', shard: eventShardOf(companyId) });
    if (done.commandsRequested) wake({ kind: 'commands' });
    deps.onProgress?.(index + 1, file.entries.length);
  }
  await asViewer(sql, viewer, (tx) =>
    insertAuditOnce(tx, {
      id: derivedId('bank_import', String(channel.id), fileHash.toString('hex')),
      companyId,
      atMs: nowMs,
      actor: viewer.actor,
      action: 'bank.import',
      subject: `payment_channel/${channel.id}`,
      before: null,
      after: { statementId: statement.id, fileHash: fileHash.toString('hex'), fates },
    }),
  );
  const { id: statementId, isNew } = statement;
  const entries = file.entries.length;
  return accept({ statementId, isReplay: !isNew, entries, fates, remarks });
}
