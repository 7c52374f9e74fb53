import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { importBankFile } from './commands/importBankFile.ts';
import type { ImportOptions } from './commands/importBankFile.ts';

type Parts = {
  readonly leaf: (parent: Command, usage: string, description: string) => Command;
  readonly withUrl: (command: Command) => Command;
  readonly finish: (answer: Answer, isJson: boolean) => void;
};

export function addBank(program: Command, { leaf, withUrl, finish }: Parts): void {
  const bank = program.command('bank').description("the company's account at its bank");
  withUrl(leaf(bank, 'import <file>', 'a statement: camt.053, or a CSV by the channel’s columns'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--channel <name>', 'a payment channel of kind bank')
    .action(async (file: string, { json, ...options }: ImportOptions & { json: boolean }) =>
      finish(await importBankFile(file, options, json), json),
    );
}
