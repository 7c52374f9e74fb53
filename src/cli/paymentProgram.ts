import type { Command } from 'commander';
import { addPaymentChannel } from './commands/addPaymentChannel.ts';
import type { AddChannelOptions } from './commands/addPaymentChannel.ts';
import { allocateOnePayment, listPayments, refundOnePayment } from './commands/handlePayments.ts';
import type {
  AllocateOptions,
  ListPaymentsOptions,
  RefundOptions,
} from './commands/handlePayments.ts';
import {
  chooseOneKeypad,
  disableKeypad,
  listCompanyKeypads,
  registerOneKeypad,
  setKeypad,
  showToken,
} from './commands/keypads.ts';
import type {
  ChooseOptions,
  InstructOptions,
  ListKeypadsOptions,
  RegisterKeypadOptions,
} from './commands/keypads.ts';
import type { Answer } from './answer.ts';

type Parts = {
  readonly leaf: (parent: Command, usage: string, description: string) => Command;
  readonly withUrl: (command: Command) => Command;
  readonly finish: (answer: Answer, isJson: boolean) => void;
};

type Json = { readonly json: boolean };

/** Devices that take tokens, and the tokens. */
function addKeypads(payment: Command, { leaf, withUrl, finish }: Parts): void {
  const keysHelp = 'the data directory with device_keys.key; without it that of --data';
  withUrl(leaf(payment, 'token <payment>', 'what its customer types into the keypad'))
    .requiredOption('--company <name>', 'as it is registered')
    .option('--keys <dir>', keysHelp)
    .action(async (id: string, { json, ...options }: Json & Parameters<typeof showToken>[1]) =>
      finish(await showToken(id, options), json),
    );
  const keypad = payment.command('keypad').description('OpenPAYGO devices that take tokens');
  withUrl(leaf(keypad, 'add', 'make one known, or change its price'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--meter <serial>', 'the meter that it belongs to')
    .requiredOption('--key-file <file>', 'its key, 32 hexadecimal digits')
    .requiredOption('--starting-code <n>', 'of its maker, up to nine digits')
    .requiredOption('--unit-price <decimal>', 'of a day or unit, such as 0.50')
    .requiredOption('--currency <code>', 'such as EUR')
    .option('--digits <n>', 'of its tokens: 9 or 12', '9')
    .option('--count <n>', 'of the last token that it was given')
    .option('--keys <dir>', keysHelp)
    .action(async ({ json, ...options }: Json & RegisterKeypadOptions) =>
      finish(await registerOneKeypad(options), json),
    );
  withUrl(leaf(keypad, 'choose <payment>', 'of an account with several: for which one it was'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--meter <serial>', 'the meter that it belongs to')
    .action(async (id: string, { json, ...options }: Json & ChooseOptions) =>
      finish(await chooseOneKeypad(id, options), json),
    );
  withUrl(leaf(keypad, 'list', 'of an account, or of the company'))
    .requiredOption('--company <name>', 'as it is registered')
    .option('--account <number>', 'as it is registered')
    .option('--limit <n>', 'of the company', '50')
    .action(async ({ json, ...options }: Json & ListKeypadsOptions) =>
      finish(await listCompanyKeypads(options), json),
    );
  const free = (usage: string, description: string): Command =>
    withUrl(leaf(keypad, usage, description))
      .requiredOption('--company <name>', 'as it is registered')
      .requiredOption('--meter <serial>', 'the meter that it belongs to')
      .requiredOption('--reason <text>', 'for the audit')
      .option('--key <uuid>', 'the same key again gives the same token')
      .option('--keys <dir>', keysHelp);
  free('set', 'a token by which it has so many days or units; older tokens are void then')
    .requiredOption('--value <n>', 'days or units, as the device counts')
    .action(async ({ json, ...options }: Json & Parameters<typeof setKeypad>[0]) =>
      finish(await setKeypad(options), json),
    );
  free('disable', 'a token by which it works without tokens for good').action(
    async ({ json, ...options }: Json & InstructOptions) =>
      finish(await disableKeypad(options), json),
  );
}

export function addPayments(program: Command, { leaf, withUrl, finish }: Parts): void {
  const payment = program.command('payment').description('payments, their channels and refunds');
  withUrl(leaf(payment, 'list', 'payments of an account, or those of nobody known'))
    .requiredOption('--company <name>', 'as it is registered')
    .option('--account <number>', 'as it is registered; without it, money in suspense')
    .option('--limit <n>', 'newest first', '50')
    .action(async ({ json, ...options }: Json & ListPaymentsOptions) =>
      finish(await listPayments(options), json),
    );
  withUrl(leaf(payment, 'refund <payment>', 'give back all that is left of it, or an amount'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--reason <text>', 'for the audit')
    .option('--amount <decimal>', 'such as 12.50')
    .option('--key <uuid>', 'the same key again refunds nothing more')
    .action(async (id: string, { json, ...options }: Json & RefundOptions) =>
      finish(await refundOnePayment(id, options), json),
    );
  withUrl(leaf(payment, 'allocate <payment>', 'give money in suspense to its account'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--reason <text>', 'for the audit')
    .option('--key <uuid>', 'the same key again moves nothing more')
    .action(async (id: string, { json, ...options }: Json & AllocateOptions) =>
      finish(await allocateOnePayment(id, options), json),
    );
  addKeypads(payment, { leaf, withUrl, finish });
  const channel = payment.command('channel').description('ways by which money comes in');
  withUrl(leaf(channel, 'add', 'open one; its secrets are put beside the server'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--name <name>', 'such as card')
    .requiredOption('--kind <kind>', 'counter, stripe, bank, cash, voucher or openpaygo')
    .requiredOption('--currency <code>', 'such as EUR')
    .option('--settings <json>', 'of its kind, never a secret', '{}')
    .action(async ({ json, ...options }: Json & AddChannelOptions) =>
      finish(await addPaymentChannel(options), json),
    );
}
