import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { payOutOneAccount, takeOneDeposit } from './commands/deposits.ts';
import type { DepositOptions, PayOutOptions } from './commands/deposits.ts';
import { doctor } from './commands/doctor.ts';
import type { DoctorOptions } from './commands/doctor.ts';
import { adjustOneBalance, correctOneTransfer, writeOffOneDebt } from './commands/moveMoney.ts';
import type { AdjustOptions, CorrectOptions, WriteOffOptions } from './commands/moveMoney.ts';
import { ledgerBalance, ledgerStatement } from './commands/readLedger.ts';
import type { LedgerOptions, StatementOptions } from './commands/readLedger.ts';
import { personOption } from './moneyDesk.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

type Json = { readonly json: boolean };

function collect(word: string, words: readonly string[]): readonly string[] {
  return [...words, word];
}

function withWords(command: Command): Command {
  return command
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--reason <text>', 'why, in your words; the audit keeps it')
    .option('--key <uuid>', 'the same key again moves nothing more')
    .option(...personOption);
}

function withReason(command: Command): Command {
  return withWords(command).requiredOption(
    '--reason-code <code>',
    'why, in one word; a wrong one lists them',
  );
}

/** What a customer leaves as a security, and what is left when one has gone. */
function addDeposits(ledger: Command, { leaf, withUrl, finish }: Making): void {
  withWords(withUrl(leaf(ledger, 'take-deposit', 'hold a security; it buys no energy')))
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--amount <decimal>', 'such as 50.00')
    .requiredOption('--currency <code>', 'such as EUR')
    .action(async ({ json, ...options }: DepositOptions & Json) =>
      finish(await takeOneDeposit(options), json),
    );
  withWords(withUrl(leaf(ledger, 'pay-out', 'deposit and credit of a customer who has left')))
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--from <place>', 'counter or bank')
    .action(async ({ json, ...options }: PayOutOptions & Json) =>
      finish(await payOutOneAccount(options), json),
    );
}

/** The books: what stands in them, what people change in them, and whether all of it holds. */
export function addLedger(program: Command, { leaf, withUrl, finish }: Making): void {
  const ledger = program.command('ledger').description('the books of a company');
  withUrl(leaf(ledger, 'balance', 'the trial balance; ends with 1 when it is not zero'))
    .requiredOption('--company <name>', 'as it is registered')
    .action(async ({ json, ...options }: LedgerOptions & Json) =>
      finish(await ledgerBalance(options), json),
    );
  withUrl(leaf(ledger, 'statement', 'the newest transfers of an account, newest first'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--account <number>', 'as it is registered')
    .option('--all', 'not the newest 500 alone', false)
    .action(async ({ json, ...options }: StatementOptions & Json) =>
      finish(await ledgerStatement(options), json),
    );
  withReason(withUrl(leaf(ledger, 'correct <transfer>', 'take a transfer back by another one')))
    .option('--amount <decimal>', 'a part of it; without it all that is left')
    .action(async (transfer: string, { json, ...options }: CorrectOptions & Json) =>
      finish(await correctOneTransfer(transfer, options), json),
    );
  withReason(withUrl(leaf(ledger, 'adjust', 'give to a customer, or take with a negative amount')))
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--amount <decimal>', 'such as 5.00 or -5.00')
    .requiredOption('--currency <code>', 'such as EUR')
    .action(async ({ json, ...options }: AdjustOptions & Json) =>
      finish(await adjustOneBalance(options), json),
    );
  withReason(withUrl(leaf(ledger, 'write-off', 'give up a debt that was set aside')))
    .requiredOption('--account <number>', 'as it is registered')
    .option('--amount <decimal>', 'a part of it; without it all of the debt')
    .action(async ({ json, ...options }: WriteOffOptions & Json) =>
      finish(await writeOffOneDebt(options), json),
    );
  addDeposits(ledger, { leaf, withUrl, finish });
  withUrl(leaf(program, 'doctor', 'look whether every invariant holds; ends with 1 if not'))
    .option('--only <name>', 'this check alone; may be repeated', collect, [])
    .action(async ({ json, ...options }: DoctorOptions & Json) =>
      finish(await doctor(options, json), json),
    );
}
