import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import {
  addCashAgent,
  changeLimitByHand,
  handOverByHand,
  listCashAgents,
  takeCashByHand,
} from './commands/handleCash.ts';
import type { AddAgentOptions, AgentLimitOptions, CashOptions } from './commands/handleCash.ts';
import {
  makeVoucherFile,
  revokeVoucherRangeByHand,
  sellVoucherRange,
  useVoucherAtDesk,
} from './commands/handleVouchers.ts';
import type {
  MakeVouchersOptions,
  UseVoucherOptions,
  VoucherRangeOptions,
} from './commands/handleVouchers.ts';
import type { DeskOptions } from './moneyDesk.ts';

type Parts = {
  readonly leaf: (parent: Command, usage: string, description: string) => Command;
  readonly withUrl: (command: Command) => Command;
  readonly finish: (answer: Answer, isJson: boolean) => void;
};

type Json = { readonly json: boolean };

export function addCash(program: Command, { leaf, withUrl, finish }: Parts): void {
  const cash = program.command('cash').description('cash that agents take for the company');
  withUrl(leaf(cash, 'agent', 'add somebody who takes cash'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--channel <name>', 'a payment channel of kind cash')
    .requiredOption('--name <name>', 'of the agent')
    .requiredOption('--limit <decimal>', 'the most cash that may be held, such as 500.00')
    .action(async ({ json, ...options }: Json & AddAgentOptions) =>
      finish(await addCashAgent(options), json),
    );
  withUrl(leaf(cash, 'agents', 'who takes cash, and how much each may hold'))
    .requiredOption('--company <name>', 'as it is registered')
    .action(async ({ json, ...options }: Json & DeskOptions) =>
      finish(await listCashAgents(options), json),
    );
  withUrl(leaf(cash, 'limit', 'the most that an agent may hold from now on; no less than is held'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--agent <name>', 'whose')
    .requiredOption('--limit <decimal>', 'such as 500.00')
    .requiredOption('--reason <text>', 'for the audit')
    .option('--key <uuid>', 'the same key again changes nothing more')
    .action(async ({ json, ...options }: Json & AgentLimitOptions) =>
      finish(await changeLimitByHand(options), json),
    );
  withUrl(leaf(cash, 'take', "a customer's cash in an agent's hands"))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--agent <name>', 'who took it')
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--amount <decimal>', 'such as 12.50')
    .option('--key <uuid>', 'the same key again takes nothing more')
    .action(async ({ json, ...options }: Json & CashOptions & { account: string }) =>
      finish(await takeCashByHand(options), json),
    );
  withUrl(leaf(cash, 'hand-over', 'cash that an agent brought to the bank'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--agent <name>', 'who brought it')
    .requiredOption('--amount <decimal>', 'such as 12.50')
    .option('--key <uuid>', 'the same key again moves nothing more')
    .action(async ({ json, ...options }: Json & CashOptions) =>
      finish(await handOverByHand(options), json),
    );
}

export function addVouchers(program: Command, { leaf, withUrl, finish }: Parts): void {
  const voucher = program.command('voucher').description('vouchers that are sold and used once');
  withUrl(leaf(voucher, 'make', 'a batch of signed codes into a new file'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--channel <name>', 'a payment channel of kind voucher')
    .requiredOption('--count <n>', 'how many')
    .requiredOption('--amount <decimal>', 'of each, such as 10.00')
    .requiredOption('--expires <day>', 'the last day on which they are taken (UTC)')
    .requiredOption('--key <file>', 'the private key that signs them')
    .requiredOption('--out <file>', 'a CSV with the codes: it is money')
    .action(async ({ json, ...options }: Json & MakeVouchersOptions) =>
      finish(await makeVoucherFile(options), json),
    );
  withUrl(leaf(voucher, 'sell', 'vouchers that were paid: from now on they can be used'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--from <serial>', 'the first one')
    .option('--count <n>', 'how many', '1')
    .option('--agent <name>', 'who was paid in cash; without it, it is in the bank')
    .option('--key <uuid>', 'the same key again sells nothing more')
    .action(
      async ({
        json,
        ...options
      }: Json & VoucherRangeOptions & { agent: string | undefined; key: string | undefined }) =>
        finish(await sellVoucherRange(options), json),
    );
  withUrl(leaf(voucher, 'use', "credit a customer's voucher to its account, once"))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--code-file <file>', 'with the code as it was scanned; /dev/stdin will do')
    .option('--key <uuid>', 'the same key again credits nothing more')
    .action(async ({ json, ...options }: Json & UseVoucherOptions) =>
      finish(await useVoucherAtDesk(options), json),
    );
  withUrl(leaf(voucher, 'revoke', 'vouchers that were lost or stolen: those not used yet'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--from <serial>', 'the first one')
    .option('--count <n>', 'how many', '1')
    .requiredOption('--reason <text>', 'for the audit')
    .action(async ({ json, ...options }: Json & VoucherRangeOptions & { reason: string }) =>
      finish(await revokeVoucherRangeByHand(options), json),
    );
}
