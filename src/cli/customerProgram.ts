import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { eraseOneCustomer } from './commands/eraseCustomer.ts';
import type { EraseOptions } from './commands/eraseCustomer.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

/** What is known of persons. */
export function addCustomers(program: Command, { leaf, withUrl, finish }: Making): void {
  const customer = program.command('customer').description('what is known of persons');
  withUrl(leaf(customer, 'erase', 'a former customer’s name and words, for good; the books stay'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--account <number>', 'one of the customer, all of which have ended')
    .requiredOption('--reason <text>', 'without the name: the audit keeps it for good')
    .option('--key <uuid>', 'the same key again erases nothing more')
    .action(async ({ json, ...options }: EraseOptions & { readonly json: boolean }) =>
      finish(await eraseOneCustomer(options), json),
    );
}
