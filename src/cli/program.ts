import { Command } from 'commander';
import { Misused } from './answer.ts';
import type { Answer } from './answer.ts';
import { databaseUrl, databaseUrlIn } from './database.ts';
import { addPrices } from './commands/addPrices.ts';
import type { AddPricesOptions } from './commands/addPrices.ts';
import { labTariff } from './commands/labTariff.ts';
import type { LabOptions } from './commands/labTariff.ts';
import { makeToken } from './commands/makeToken.ts';
import type { TokenOptions } from './commands/makeToken.ts';
import { migrateDatabase } from './commands/migrateDatabase.ts';
import { payTopUp } from './commands/payTopUp.ts';
import type { TopUpOptions } from './commands/payTopUp.ts';
import { registerFleetFile } from './commands/registerFleetFile.ts';
import { registerOperations } from './commands/registerOperations.ts';
import { replayTheLog } from './commands/replayTheLog.ts';
import { addAudit } from './auditProgram.ts';
import { addBank } from './bankProgram.ts';
import { addCash, addVouchers } from './cashProgram.ts';
import { addCustomers } from './customerProgram.ts';
import { addKeys } from './keyProgram.ts';
import { addLedger } from './ledgerProgram.ts';
import { addPayments } from './paymentProgram.ts';
import { addMeters } from './meterProgram.ts';
import { addBatches } from './batchProgram.ts';
import { addLog, addReadings } from './readingProgram.ts';
import { addPrepaid } from './prepaidProgram.ts';
import { auditRefusedCommand } from './refusedCommands.ts';
import { addSupply } from './supplyProgram.ts';
import { addTariffs } from './tariffProgram.ts';
import { addVee } from './veeProgram.ts';

type Finish = (answer: Answer, isJson: boolean) => void;

type Common = { readonly json: boolean; readonly database: string | undefined };

function leaf(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option('--json', 'one line of JSON instead of a sentence', false);
}

function withUrl(command: Command): Command {
  return command
    .option('--database <url>', 'instead of DATABASE_URL')
    .option('--data <dir>', 'the database of the npm start that runs with this data directory')
    .hook('preAction', (called) => {
      const directory: unknown = called.getOptionValue('data');
      if (typeof directory !== 'string') return;
      if (called.getOptionValue('database') !== undefined) {
        throw new Misused('give either --database or --data');
      }
      called.setOptionValue('database', databaseUrlIn(directory));
    });
}

function addFiles(program: Command, finish: Finish): void {
  const tariff = addTariffs(program, leaf, finish);
  withUrl(leaf(tariff, 'lab', "a draft over the history of a company's agreements; posts nothing"))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--document <file>', 'the draft')
    .option('--tariff <name>', 'all agreements of this tariff')
    .option('--customer-class <name>', 'all agreements of this class; with --tariff, of both')
    .option('--agreements <ids>', 'these alone, such as 12,13')
    .requiredOption('--from <month>', 'the first local month, such as 2026-01')
    .requiredOption('--through <month>', 'the last one')
    .action(async ({ json, ...options }: Common & LabOptions) =>
      finish(await labTariff(options, json), json),
    );
}

function addRegistry(program: Command, finish: Finish): void {
  withUrl(leaf(program, 'migrate', "bring the database to this version's tables")).action(
    async ({ json, database }: Common) =>
      finish(await migrateDatabase(databaseUrl(database)), json),
  );
  const fleet = program.command('fleet').description('companies, edges, meters, agreements');
  withUrl(leaf(fleet, 'register <file>', 'make the registry say what a declaration says'))
    .option('--dry-run', 'check the declaration in itself, write nothing', false)
    .action(async (file: string, { json, ...options }: Common & { dryRun: boolean }) =>
      finish(await registerFleetFile(file, options), json),
    );
  const prices = program.command('prices').description('price series that tariffs ask for');
  withUrl(leaf(prices, 'add <file>', 'a CSV of start,price, or an ENTSO-E publication (.xml)'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--series <name>', 'as dynamic components name it')
    .requiredOption('--currency <code>', 'such as EUR')
    .option('--unit <unit>', 'of a CSV: kWh or MWh', 'kWh')
    .option('--sequence <number>', 'of an ENTSO-E publication: which auction', '1')
    .option('--minutes <minutes>', '15, 30 or 60: of ENTSO-E only such prices; of a CSV its step')
    .action(async (file: string, { json, ...options }: Common & AddPricesOptions) =>
      finish(await addPrices(file, options), json),
    );
  const operations = program.command('operations').description('documents that partners may send');
  withUrl(leaf(operations, 'register <source>', 'a .graphql file, a manifest, or their folder'))
    .requiredOption('--company <name>', 'whose audit tells of it')
    .action(async (source: string, { json, ...options }: Common & { company: string }) =>
      finish(await registerOperations(source, options), json),
    );
}

function addAccess(program: Command, finish: Finish): void {
  const token = program.command('token').description('access tokens of the API');
  withUrl(leaf(token, 'make', 'sign an access token'))
    .option('--key <file>', 'the private key of tokens; with --data that of the start')
    .requiredOption('--role <role>', 'subscriber, operator, administrator or developer')
    .requiredOption('--company <name>', 'as it is registered')
    .option('--account <number>', 'the one account of a subscriber')
    .option('--partner', 'registered documents only', false)
    .option('--hours <n>', 'until it expires', '1')
    .action(async ({ json, ...options }: Common & TokenOptions) =>
      finish(await makeToken(options), json),
    );
  withUrl(leaf(program, 'top-up', 'take a payment'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--account <number>', 'as it is registered')
    .requiredOption('--amount <decimal>', 'such as 12.50')
    .requiredOption('--currency <code>', 'such as EUR')
    .option('--key <uuid>', 'the same key again pays nothing more')
    .action(async ({ json, ...options }: Common & TopUpOptions) =>
      finish(await payTopUp(options), json),
    );
}

function addChecks(program: Command, finish: Finish): void {
  const log = program.command('log').description('the log of all accepted batches');
  withUrl(
    leaf(log, 'replay', 'rate the whole log anew in a scratch database and compare; superuser'),
  ).action(async ({ json, database }: Common) =>
    finish(await replayTheLog(databaseUrl(database), json), json),
  );
  addLog(log, { leaf, withUrl, finish });
  addReadings(program, { leaf, withUrl, finish });
}

/** Every command; `tell` hears the answer of the one that ran. */
export function buildProgram(name: string, tell: Finish): Command {
  let told: Answer | null = null;
  const finish: Finish = (answer, isJson) => {
    told = answer;
    tell(answer, isJson);
  };
  const program = new Command(name)
    .description('Joulebook at the command line: register, sign, pay, check.')
    .addHelpText('after', '\nEnds with 0 when done, 1 when refused, 2 when called wrongly.');
  // Subcommands inherit both; the caller turns what was caught into one sentence.
  program.exitOverride().configureOutput({ writeErr: () => {} });
  program.hook('postAction', async (_program, called) => {
    if (told !== null) await auditRefusedCommand(called, told);
  });
  addRegistry(program, finish);
  addKeys(program, { leaf, withUrl, finish });
  addFiles(program, finish);
  addAccess(program, finish);
  addChecks(program, finish);
  addPayments(program, { leaf, withUrl, finish });
  addBank(program, { leaf, withUrl, finish });
  addCash(program, { leaf, withUrl, finish });
  addVouchers(program, { leaf, withUrl, finish });
  addMeters(program, { leaf, withUrl, finish });
  addBatches(program, { leaf, withUrl, finish });
  addVee(program, { leaf, withUrl, finish });
  addLedger(program, { leaf, withUrl, finish });
  addAudit(program, { leaf, withUrl, finish });
  addPrepaid(program, { leaf, withUrl, finish });
  addCustomers(program, { leaf, withUrl, finish });
  addSupply(program, { leaf, withUrl, finish });
  return program;
}
