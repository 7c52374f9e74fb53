import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import {
  addAdvisory,
  approveTrip,
  closeOrder,
  forecastSupplies,
  protectAccount,
  shortenAdvisory,
  unprotect,
  whySupply,
} from './commands/supplies.ts';
import type {
  AdvisoryOptions,
  ApproveOptions,
  CompanyOptions,
  EndProtectionOptions,
  ForecastOptions,
  OrderOptions,
  ProtectOptions,
  ReasonOptions,
} from './commands/supplies.ts';
import { listSupplyRecords } from './commands/supplyLists.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};
type Json = { readonly json: boolean };

const named = ['--company <name>', 'as it is registered'] as const;
const because = ['--reason <text>', 'why; the audit keeps it'] as const;

function addRecords(supply: Command, { leaf, withUrl, finish }: Making): void {
  for (const [name, what, description] of [
    ['protections', 'protections', 'who is not cut, and who ended it with which proof'],
    ['weather', 'advisories', 'weather in which nobody is cut'],
    ['orders', 'orders', 'work orders that are open'],
    ['breaker', 'breaker', 'regions in which too many cuts came at once'],
  ] as const) {
    withUrl(leaf(supply, name, description))
      .requiredOption(...named)
      .action(async ({ json, ...options }: CompanyOptions & Json) =>
        finish(await listSupplyRecords(what, options), json),
      );
  }
  withUrl(leaf(supply, 'protect', 'an account is not cut by itself, and by people only by two'))
    .requiredOption(...named)
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--kind <kind>', 'life_support, medical, vulnerable or dispute')
    .option('--from <instant>', 'instead of now')
    .option('--to <instant>', 'its end; none for life support')
    .requiredOption(...because)
    .action(async ({ json, ...options }: ProtectOptions & Json) =>
      finish(await protectAccount(options), json),
    );
  withUrl(leaf(supply, 'unprotect <id>', 'end a protection, with proof of contact'))
    .requiredOption(...named)
    .requiredOption('--contact-proof <text>', 'how and when the customer was reached')
    .requiredOption(...because)
    .action(async (id: string, { json, ...options }: EndProtectionOptions & Json) =>
      finish(await unprotect(id, options), json),
    );
  withUrl(leaf(supply, 'add-weather', 'an advisory: nobody of the region is cut'))
    .requiredOption(...named)
    .option('--region <name>', 'of service points; every one without it', '')
    .requiredOption('--kind <kind>', 'heat, cold or storm')
    .requiredOption('--from <instant>', 'such as 2026-07-01T00:00:00+02:00')
    .requiredOption('--to <instant>', 'its end')
    .requiredOption('--source <text>', 'who says so')
    .action(async ({ json, ...options }: AdvisoryOptions & Json) =>
      finish(await addAdvisory(options), json),
    );
  withUrl(leaf(supply, 'end-weather <id>', 'an advisory is over or was wrong'))
    .requiredOption(...named)
    .requiredOption(...because)
    .action(async (id: string, { json, ...options }: ReasonOptions & Json) =>
      finish(await shortenAdvisory(id, options), json),
    );
}

/** Why supplies are on or off, and what people say to it. */
export function addSupply(program: Command, making: Making): void {
  const { leaf, withUrl, finish } = making;
  const supply = program.command('supply').description('who is cut, who is not, and why');
  withUrl(leaf(supply, 'forecast', 'who would be cut, by the function that decides; does nothing'))
    .requiredOption(...named)
    .option('--at <instant>', 'instead of now')
    .action(async ({ json, ...options }: ForecastOptions & Json) =>
      finish(await forecastSupplies(options), json),
    );
  withUrl(
    leaf(
      supply,
      'why <serial>',
      'every rule, what it says of this supply now, and why it was switched',
    ),
  )
    .requiredOption(...named)
    .action(async (serial: string, { json, ...options }: CompanyOptions & Json) =>
      finish(await whySupply(serial, options), json),
    );
  addRecords(supply, making);
  withUrl(leaf(supply, 'approve-breaker <id>', 'one of the two people who looked at a trip'))
    .requiredOption(...named)
    .requiredOption('--person <name>', 'who looked')
    .requiredOption(...because)
    .action(async (id: string, { json, ...options }: ApproveOptions & Json) =>
      finish(await approveTrip(id, options), json),
    );
  withUrl(leaf(supply, 'end-order <id>', 'a work order is done'))
    .requiredOption(...named)
    .requiredOption('--outcome <text>', 'what was found and done')
    .action(async (id: string, { json, ...options }: OrderOptions & Json) =>
      finish(await closeOrder(id, options), json),
    );
}
