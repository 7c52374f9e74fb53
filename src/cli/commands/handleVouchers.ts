import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { formatMicros } from '../../domain/exact.ts';
import { wholeOf } from '../../domain/wholeText.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { makeVouchers } from '../../operations/vouchers/makeVouchers.ts';
import { revokeVouchers } from '../../operations/vouchers/revokeVouchers.ts';
import { sellVouchers } from '../../operations/vouchers/sellVouchers.ts';
import { useVoucher } from '../../operations/vouchers/useVoucher.ts';
import type { Answer } from '../answer.ts';
import { readText } from '../inputFile.ts';
import { readKeyFile } from '../keyFile.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';
import { wholeNumber } from '../wholeNumber.ts';

export type MakeVouchersOptions = DeskOptions & {
  readonly channel: string;
  readonly count: string;
  readonly amount: string;
  readonly expires: string;
  readonly key: string;
  readonly out: string;
};

/** The codes are money: a new file that only its owner may read. */
function writeCodes(file: string, text: string) {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    return accept(null);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    const message = `${file} cannot be written anew (${why}). Choose another name.`;
    return refuse('FILE_UNWRITABLE', message);
  }
}

export async function makeVoucherFile(options: MakeVouchersOptions): Promise<Answer> {
  const key = readKeyFile(options.key);
  if (!key.ok) return key;
  const opened = writeCodes(options.out, '');
  if (!opened.ok) return opened;
  return atDesk(options, 'administrator', async ({ deps, viewer }) => {
    const { channel, amount, expires: lastDay, out } = options;
    const asked = {
      channel,
      count: wholeNumber(options.count, '--count'),
      amount,
      lastDay,
      privateKey: key.value,
    };
    const made = await makeVouchers(deps, viewer, asked);
    if (!made.ok) return made;
    const { batchId, currency, amountMicros, vouchers } = made.value;
    const value = formatMicros(amountMicros, 2);
    const rows = vouchers.map(
      ({ serial, code }) => `${serial},${value},${currency},${lastDay},${code}`,
    );
    const text = ['serial,amount,currency,last_day,code', ...rows, ''].join('\n');
    writeFileSync(out, text, { mode: 0o600 });
    return accept({
      sentence: `Batch ${batchId}: ${vouchers.length} vouchers of ${value} ${currency} in ${out}.`,
      facts: { batchId, count: vouchers.length, firstSerial: vouchers[0]?.serial, file: out },
    });
  });
}

export type VoucherRangeOptions = DeskOptions & { readonly from: string; readonly count: string };

/** Zero is no serial: the operation refuses it. */
function serialOf(text: string): bigint {
  return wholeOf(text) ?? 0n;
}

export async function sellVoucherRange(
  options: VoucherRangeOptions & {
    readonly agent: string | undefined;
    readonly key: string | undefined;
  },
): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const sold = await sellVouchers(deps, viewer, {
      idempotencyKey: options.key ?? randomUUID(),
      firstSerial: serialOf(options.from),
      count: wholeNumber(options.count, '--count'),
      agent: options.agent ?? null,
    });
    if (!sold.ok) return sold;
    const { amountMicros, currency, batchId, isReplay } = sold.value;
    const amount = `${formatMicros(amountMicros, 2)} ${currency}`;
    const sentence = `Sold ${options.count} vouchers of batch ${batchId} for ${amount}.`;
    return accept({ sentence, facts: { batchId, amount, isReplay } });
  });
}

export async function revokeVoucherRangeByHand(
  options: VoucherRangeOptions & { readonly reason: string },
): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const { reason } = options;
    const range = {
      firstSerial: serialOf(options.from),
      count: wholeNumber(options.count, '--count'),
      reason,
    };
    const done = await revokeVouchers(deps, viewer, range);
    if (!done.ok) return done;
    const { batchId, revoked } = done.value;
    const sentence = `Revoked ${revoked} vouchers of batch ${batchId} that were not used.`;
    return accept({ sentence, facts: { batchId, revoked } });
  });
}

export type UseVoucherOptions = DeskOptions & {
  readonly account: string;
  readonly codeFile: string;
  readonly key: string | undefined;
};

/** The code comes in a file: until it is used it is money, and arguments are seen by everybody. */
export async function useVoucherAtDesk(options: UseVoucherOptions): Promise<Answer> {
  const code = readText(options.codeFile);
  if (!code.ok) return code;
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const idempotencyKey = options.key ?? randomUUID();
    const asked = { idempotencyKey, accountId: account.value, code: code.value.trim() };
    const used = await useVoucher(deps, viewer, asked);
    if (!used.ok) return used;
    const { paymentId, currency, isReplay } = used.value;
    const amount = moneyText(used.value.amountMicros, currency);
    const balance = moneyText(used.value.balanceMicros, currency);
    const done = isReplay ? 'had been credited before under this key' : 'credited';
    const sentence = `${options.account}: ${amount} ${done}; the balance then: ${balance}.`;
    return accept({ sentence, facts: { paymentId, amount, balance, isReplay, idempotencyKey } });
  });
}
