import type { Command } from 'commander';
import type { Sql } from '../db/connect.ts';
import { accept } from '../domain/outcome.ts';
import { isUuid } from '../domain/uuid.ts';
import { auditRefused } from '../operations/auditRefused.ts';
import type { Answer } from './answer.ts';
import { databaseUrl, withDatabase } from './database.ts';
import { accountNumbered, companyNamed, personAs, staffViewer } from './viewer.ts';

type Audited = {
  /** By the name that the mutation has, where there is one. */
  readonly operation: string;
  readonly role?: 'administrator';
  /** What the command's argument is the id of. */
  readonly noun?: string;
};

/** Commands that move money or supply. */
export const auditedCommands: ReadonlyMap<string, Audited> = new Map([
  ['top-up', { operation: 'topUp' }],
  ['ledger correct', { operation: 'correctTransfer', noun: 'transfer' }],
  ['ledger adjust', { operation: 'adjustBalance' }],
  ['ledger write-off', { operation: 'writeOffDebt', role: 'administrator' }],
  ['payment refund', { operation: 'refundPayment', noun: 'payment' }],
  ['payment allocate', { operation: 'allocatePayment', noun: 'payment' }],
  ['payment keypad add', { operation: 'registerKeypad', role: 'administrator' }],
  ['payment keypad choose', { operation: 'chooseKeypad', noun: 'payment' }],
  ['payment keypad set', { operation: 'instructKeypad', role: 'administrator' }],
  ['payment keypad disable', { operation: 'instructKeypad', role: 'administrator' }],
  ['payment channel add', { operation: 'addPaymentChannel', role: 'administrator' }],
  ['bank import', { operation: 'importBankFile' }],
  ['cash agent', { operation: 'addCashAgent', role: 'administrator' }],
  ['cash limit', { operation: 'changeAgentLimit', role: 'administrator' }],
  ['cash take', { operation: 'takeCash' }],
  ['cash hand-over', { operation: 'handOverCash' }],
  ['customer erase', { operation: 'eraseCustomer', role: 'administrator' }],
  ['voucher make', { operation: 'makeVouchers', role: 'administrator' }],
  ['voucher sell', { operation: 'sellVouchers' }],
  ['voucher use', { operation: 'useVoucher' }],
  ['voucher revoke', { operation: 'revokeVouchers' }],
  ['prepaid auto-top-up set', { operation: 'setAutoTopUp' }],
  ['prepaid auto-top-up stop', { operation: 'stopAutoTopUp' }],
  ['prepaid change-mode', { operation: 'changeAgreementMode' }],
  ['prepaid change-account', { operation: 'changeAgreementAccount' }],
  ['prepaid take-back', { operation: 'takeBackAgreementChange' }],
  ['ledger take-deposit', { operation: 'takeDeposit' }],
  ['ledger pay-out', { operation: 'payOutAccount' }],
  ['prepaid lend', { operation: 'takeEmergencyCredit' }],
  ['prepaid set-aside', { operation: 'setAsideDebt' }],
  ['prepaid plan-debt', { operation: 'planDebt' }],
  ['prepaid publish', { operation: 'publishPrepaidPolicy', role: 'administrator' }],
  ['supply protect', { operation: 'addProtection' }],
  ['supply unprotect', { operation: 'endProtection', noun: 'protection' }],
  ['supply add-weather', { operation: 'recordWeatherAdvisory' }],
  ['supply end-weather', { operation: 'endWeatherAdvisory', noun: 'weather_advisory' }],
  ['supply end-order', { operation: 'endWorkOrder', noun: 'work_order' }],
  ['supply approve-breaker', { operation: 'approveBreaker', noun: 'breaker' }],
]);

function wordsOf(command: Command): string {
  const { parent } = command;
  if (parent === null) return '';
  return `${wordsOf(parent)} ${command.name()}`.trimStart();
}

function textOf(command: Command, option: string): string | undefined {
  const value: unknown = command.getOptionValue(option);
  return typeof value === 'string' ? value : undefined;
}

/** What was asked for, in whichever order it was typed; where it is kept is no part of it. */
function askedOf(command: Command): readonly (readonly [string, unknown])[] {
  const given: Readonly<Record<string, unknown>> = command.opts();
  const places: readonly string[] = ['database', 'data', 'json'];
  return Object.entries(given)
    .filter(([name]) => !places.includes(name))
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
}

/** Whose it was, and the account where the command names one that there is. */
async function findPlace(sql: Sql, command: Command, company: string) {
  const companyId = await companyNamed(sql, company);
  if (!companyId.ok) return companyId;
  const place = { companyId: companyId.value, subject: null };
  const number = textOf(command, 'account');
  if (number === undefined) return accept(place);
  const accountId = await accountNumbered(sql, { companyId: companyId.value, number });
  return accept(accountId.ok ? { ...place, subject: `account/${accountId.value}` } : place);
}

/** After a command: what was refused of money and supply has its row, as over the API. */
export async function auditRefusedCommand(command: Command, answer: Answer): Promise<void> {
  const audited = auditedCommands.get(wordsOf(command));
  const company = textOf(command, 'company');
  if (answer.ok || answer.isAudited === true) return;
  if (audited === undefined || company === undefined) return;
  const { operation, role = 'operator', noun } = audited;
  const { code } = answer;
  const url = databaseUrl(textOf(command, 'database'));
  const place = await withDatabase(url, 'joulebook_writer', (sql) =>
    findPlace(sql, command, company),
  );
  if (!place.ok) return; // nobody's: the database or the company is not there
  const [id = ''] = command.args;
  const named = noun !== undefined && isUuid(id) ? `${noun}/${id.toLowerCase()}` : null;
  const subject = place.value.subject ?? named;
  const staff = staffViewer(place.value.companyId, role);
  const person = textOf(command, 'person');
  const viewer = person === undefined ? staff : personAs(staff, person);
  const idempotencyKey = textOf(command, 'key') ?? null;
  await withDatabase(url, 'joulebook_api', async (sql) => {
    const input = [command.args, askedOf(command)];
    const refused = { operation, code, subject, idempotencyKey, input };
    await auditRefused({ sql, clock: { nowMs: Date.now } }, viewer, refused);
    return accept(undefined);
  });
}
