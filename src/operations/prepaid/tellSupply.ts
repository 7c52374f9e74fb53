import type { CommandRow } from '../../db/commands.ts';
import type { Transaction } from '../../db/connect.ts';
import { companySubject, plainEvent } from '../../db/events.ts';
import type { EventBlock } from '../../db/events.ts';
import { insertNotice } from '../../db/notices.ts';
import { readPrepaidAccount } from '../../db/prepaidLife.ts';
import { isCutKind } from '../../domain/command/supplyFacts.ts';
import { formatMicros } from '../../domain/exact.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { derivedId } from '../derivedId.ts';

/**
 * Tells a customer that the supply was cut or is back, in the transaction of the command's last
 * step, which comes once: what nobody has verified is not told. The caller appends the event.
 */
export async function tellSupply(
  tx: Transaction,
  command: CommandRow,
  nowMs: number,
): Promise<EventBlock | null> {
  const { id: commandId, companyId, accountId, meterId, cause } = command;
  if (accountId === null) return null;
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null) return null;
  const kind = isCutKind(command.kind) ? 'cut' : 'reconnected';
  const { balanceMicros, currency } = account;
  const detail = {
    commandId,
    meterId,
    command: command.kind,
    // A person's own words stand in the audit.
    reason: cause === 'automatic' ? command.reason : 'MANUAL',
    limitW: command.limitW,
    balance: formatMicros(balanceMicros, minorDigitsOf(currency) ?? 2),
    currency,
  };
  const id = derivedId('notice', String(accountId), kind, commandId);
  const about = { id, companyId, accountId, kind, threshold: commandId, breach: 1 } as const;
  await insertNotice(tx, { ...about, detail, atMs: nowMs });
  const subjects = [{ ...companySubject, accountId }];
  const news = { companyId, kind: 'notice', atMs: nowMs, subjects } as const;
  const told = { noticeId: id, what: kind, ...detail };
  return plainEvent({ ...news, detail: told, balanceMicros: [balanceMicros] });
}
