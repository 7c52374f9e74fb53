import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { sendBatch } from './commands/sendBatch.ts';
import type { SendBatchOptions } from './commands/sendBatch.ts';

type Parts = {
  readonly leaf: (parent: Command, usage: string, description: string) => Command;
  readonly withUrl: (command: Command) => Command;
  readonly finish: (answer: Answer, isJson: boolean) => void;
};

/** What a gateway does, by hand. */
export function addBatches(program: Command, { leaf, withUrl, finish }: Parts): void {
  const batch = program
    .command('batch')
    .description('signed batches of readings, as gateways send');
  withUrl(
    leaf(batch, 'send', 'sign the readings of a CSV, send them, keep them until their receipt'),
  )
    .requiredOption('--url <url>', 'of the intake, such as http://127.0.0.1:4080')
    .requiredOption('--key <file>', "the edge's private key")
    .requiredOption('--edge <id>', 'as fleet register tells it')
    .requiredOption('--csv <file>', 'meter,readAt,value; or serial, looked up in the database')
    .option('--journal <file>', 'what must not be forgotten; edge-ID.journal.json')
    .option('--epoch <number>', 'a higher one begins a new chain, when the journal was lost')
    .option('--readings <number>', 'of one batch', '1000')
    .option('--json-twin', 'batches in JSON', false)
    .option('--compress <kind>', 'gzip or zstd')
    .option('--wait <seconds>', 'for an intake that cannot be reached', '60')
    .action(async ({ json, ...options }: SendBatchOptions & { json: boolean }) =>
      finish(await sendBatch(options, json), json),
    );
}
