import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { exchangeOneMeter } from './commands/exchangeOneMeter.ts';
import type { ExchangeOptions } from './commands/exchangeOneMeter.ts';
import { listEvents } from './commands/listEvents.ts';
import type { EventOptions } from './commands/listEvents.ts';
import { listRegisterMarks, markRegister } from './commands/markRegister.ts';
import type { MarkOptions } from './commands/markRegister.ts';
import type { MeterOptions } from './meterAt.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

type Json = { readonly json: boolean };

function several(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Commands about meters and what their registers stand for. */
export function addMeters(program: Command, { leaf, withUrl, finish }: Making): Command {
  const meter = program.command('meter').description('meters and what their registers stand for');
  const of = (usage: string, description: string): Command =>
    withUrl(leaf(meter, usage, description)).requiredOption(
      '--company <name>',
      'as it is registered',
    );
  of('mark <serial>', 'a register counts otherwise from an instant on; its bills are rated again')
    .requiredOption('--at <instant>', 'such as 2026-03-14T10:40:00+01:00')
    .requiredOption('--kind <kind>', 'installed, removed, reset, factor or withdrawn')
    .requiredOption('--reason <text>', 'the audit keeps it')
    .option('--channel <code>', '1 is the main register; all registers without it')
    .option('--final <counts>', 'what it showed up to then, whole Wh, varh or litres')
    .option('--start <counts>', 'what it shows from then on')
    .option('--factor <plate>', 'such as 40, 200/5 or 10.55*0.9764; as before without it')
    .action(async (serial: string, { json, ...options }: MarkOptions & Json) =>
      finish(await markRegister(serial, options), json),
    );
  of('marks <serial>', 'all that was said of its registers').action(
    async (serial: string, { json, ...options }: MeterOptions & Json) =>
      finish(await listRegisterMarks(serial, options), json),
  );
  of('exchange <serial>', 'another meter takes its place; both are one bill')
    .requiredOption('--at <instant>', 'such as 2026-03-14T10:40:00+01:00')
    .requiredOption('--serial <serial>', 'of the new meter')
    .requiredOption('--reason <text>', 'the audit keeps it')
    .option('--final <counts>', 'of the old one; 2=1200 for another register', several, [])
    .option('--start <counts>', 'of the new one; 2=0 for another register', several, [])
    .option('--map <name>', 'register map of the new one; as the old one without it')
    .option('--power <watts>', 'the most that can flow; as the old one without it')
    .option('--modulus <counts>', 'where the new register begins again')
    .option('--factor <plate>', 'of the new one, such as 200/5; as the old one without it')
    .action(async (serial: string, { json, ...options }: ExchangeOptions & Json) =>
      finish(await exchangeOneMeter(serial, options), json),
    );
  of('events <serial>', 'what its own log says, newest first')
    .option('--from <instant>', 'from the begin without it')
    .option('--to <instant>', 'up to now without it')
    .action(async (serial: string, { json, ...options }: EventOptions & Json) =>
      finish(await listEvents(serial, options), json),
    );
  return meter;
}
