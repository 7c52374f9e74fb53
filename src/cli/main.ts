import path from 'node:path';
import { CommanderError } from 'commander';
import { refuse } from '../domain/outcome.ts';
import { exitCodes, Misused, tell, tellRefusal } from './answer.ts';
import { plainDashes } from './dashes.ts';
import { buildProgram } from './program.ts';

/** The same program under each of its names: ems-cli, meter-cli, ems-mgr. */
const name = path.basename(process.argv[1] ?? 'ems-cli').replace(/^launch\.js$/, 'ems-cli');
const argv = plainDashes(process.argv.slice(2));
const helpAsked = ['commander.helpDisplayed', 'commander.version'];

function misused(message: string): number {
  const text = message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
  const refusal = refuse('COMMAND_MISUSED', `${text}. See ${name} --help.`);
  tellRefusal(refusal, argv.includes('--json'));
  return exitCodes.misused;
}

/** Whoever reads may stop early, as `head` does; that is no failure of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

async function run(): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = buildProgram(name, (answer, isJson) => {
    exitCode = tell(answer, isJson);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof Misused) return misused(error.message);
    if (!(error instanceof CommanderError)) throw error;
    if (helpAsked.includes(error.code)) return exitCodes.done;
    if (error.code === 'commander.help') return misused('name a command');
    return misused(error.message);
  }
}

process.exitCode = await run();
