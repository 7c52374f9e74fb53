import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { explainTariff } from './commands/explainTariff.ts';
import type { ExplainOptions } from './commands/explainTariff.ts';
import { importTariff } from './commands/importTariff.ts';
import type { ImportOptions } from './commands/importTariff.ts';
import { lintTariff } from './commands/lintTariff.ts';
import { rateTariff } from './commands/rateTariff.ts';
import type { RateOptions } from './commands/rateTariff.ts';
import { simulateTariff } from './commands/simulateTariff.ts';
import type { SimulateOptions } from './commands/simulateTariff.ts';

type Finish = (answer: Answer, isJson: boolean) => void;
type Leaf = (parent: Command, usage: string, description: string) => Command;
type WithJson = { readonly json: boolean };

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** What decides a bill beside the tariff and the load. */
function withCircumstances(command: Command): Command {
  return command
    .option('--zone <zone>', "the service point's zone, where the tariff has none")
    .option('--interval <minutes>', 'of the load; otherwise the shortest step between two rows')
    .option('--from <date>', 'first local day, such as 2026-03-01; otherwise the first of the load')
    .option(
      '--to <date>',
      'the day after the last, exclusive; otherwise after the last of the load',
    )
    .option('--attributes <file>', 'meters, contractedKw, fuseA, phases, customerClass as JSON')
    .option(
      '--series <name=file>',
      'prices a kWh from CSV, :MWh after the name a MWh, @30 their step; again for another',
      collect,
      [],
    );
}

function addRate(tariff: Command, leaf: Leaf, finish: Finish): void {
  const rate = leaf(tariff, 'rate', 'bill a load: one bill a calendar month')
    .option('--tariff <file>', 'a tariff document, or {"versions": [...]}')
    .option('--urdb <file>', 'a rate of the OpenEI Utility Rate Database instead')
    .requiredOption('--load <file>', 'CSV: start,import_wh[,export_wh][,q1_varh,...,q4_varh]');
  withCircumstances(rate)
    .option('--carry <file>', 'what the month before left, as --carry-out wrote it')
    .option('--carry-out <file>', 'where what the last month leaves is written')
    .option('--judge', 'rate with the second engine too; a difference is an error', false)
    .action(({ json, ...options }: WithJson & RateOptions) => finish(rateTariff(options), json));
  const explain = leaf(
    tariff,
    'explain <file>',
    'a tariff in plain words, or an amount down to its intervals',
  )
    .option('--load <file>', 'with it: the bill of a month, or a line of it')
    .option('--month <month>', 'such as 2026-03; otherwise the first')
    .option('--component <name>', 'the line to take apart')
    .option('--period <name>', 'of the line')
    .option('--tier <number>', 'of the line');
  withCircumstances(explain).action(
    (file: string, { json, ...options }: WithJson & ExplainOptions) =>
      finish(explainTariff(file, options), json),
  );
}

/** Commands about tariff files; none needs a database. Returns where further ones belong. */
export function addTariffs(program: Command, leaf: Leaf, finish: Finish): Command {
  const tariff = program.command('tariff').description('tariff documents');
  leaf(
    tariff,
    'lint <file>',
    'check a tariff file as publishing does, its golden examples too, and tell it in plain words',
  ).action((file: string, { json }: WithJson) => finish(lintTariff(file), json));
  leaf(tariff, 'import <files...>', 'a tariff or prices of another system as a tariff document')
    .option('--urdb', 'a rate of the OpenEI Utility Rate Database', false)
    .option('--octopus-rates', 'unit rates as the Octopus Energy API answers', false)
    .option('--octopus-standing <file>', 'standing charges as the same API answers')
    .option('--ex-vat <percent>', 'prices without VAT, and so many percent as a tax')
    .option('--payment-method <name>', 'where prices differ by it')
    .option('--half-hour-rounding', 'each half hour to 0.01 p, as statements do', false)
    .option('--from <date>', 'first day of the unit rates, in Great Britain')
    .option('--to <date>', 'the day after their last, exclusive')
    .option('--entsoe', 'day-ahead prices as the ENTSO-E platform publishes them (A44)', false)
    .option('--sequence <number>', 'of the auction, where an area has several', '1')
    .option('--prices', 'a price series: CSV of start,price', false)
    .option('--unit <unit>', 'of the prices in CSV: kWh or MWh', 'kWh')
    .option('--minutes <minutes>', '15, 30 or 60: of ENTSO-E only such prices; of a CSV its step')
    .option('--name <name>', 'of the price series', 'spot')
    .option('--currency <code>', 'of the price series', 'EUR')
    .option('--out <file>', 'where the document is written; otherwise to stdout')
    .action((files: string[], { json, ...options }: WithJson & ImportOptions) =>
      finish(importTariff(files, options, json), json),
    );
  addRate(tariff, leaf, finish);
  const simulate = leaf(tariff, 'simulate', 'a draft against a tariff, over a set of load files')
    .requiredOption('--tariff <file>', 'the draft')
    .requiredOption('--against <file>', 'what it is compared with')
    .requiredOption('--loads <paths...>', 'CSV files, or folders of them')
    .option('--customers <file>', 'JSON: attributes by the name of the load file');
  withCircumstances(simulate).action(({ json, ...options }: WithJson & SimulateOptions) =>
    finish(simulateTariff(options, json), json),
  );
  return tariff;
}
