import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { listDecisions } from './commands/listDecisions.ts';
import type { ListDecisionsOptions } from './commands/listDecisions.ts';
import { lintVeeSet } from './commands/lintVeeSet.ts';
import { publishVeeRules } from './commands/publishVeeRules.ts';
import type { PublishVeeOptions } from './commands/publishVeeRules.ts';
import { releaseDecisions } from './commands/releaseDecisions.ts';
import type { ReleaseMatchingOptions } from './commands/releaseDecisions.ts';
import { resolveOneDecision } from './commands/resolveOneDecision.ts';
import type { ResolveDecisionOptions } from './commands/resolveOneDecision.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

/** Commands about validation, estimation and editing. Returns where further ones belong. */
export function addVee(program: Command, { leaf, withUrl, finish }: Making): Command {
  const vee = program.command('vee').description('validation, estimation and editing of readings');
  leaf(
    vee,
    'lint <file>',
    'check a set of rules as publishing does, and tell what it comes to',
  ).action((file: string, { json }: { json: boolean }) => finish(lintVeeSet(file), json));
  withUrl(leaf(vee, 'publish <file>', 'rules for the readings of a customer class from now on'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--valid-from <instant>', 'such as 2026-12-01T00:00:00+01:00')
    .requiredOption('--reason <text>', 'why the rules change; the audit keeps it')
    .action(async (file: string, { json, ...options }: PublishVeeOptions & { json: boolean }) =>
      finish(await publishVeeRules(file, options), json),
    );
  withUrl(leaf(vee, 'decisions', 'what validation and estimation decided, newest first'))
    .requiredOption('--company <name>', 'as it is registered')
    .option('--meter <serial>', 'of one meter alone')
    .option('--class <name>', 'gateway, large or community')
    .option('--rule <name>', 'such as highLow')
    .option('--outcome <name>', 'alert, hold, reject or estimate')
    .option('--all', 'those that are resolved or withdrawn too', false)
    .action(async ({ json, ...options }: ListDecisionsOptions & { json: boolean }) =>
      finish(await listDecisions(options), json),
    );
  const release = 'let go what a decision holds, or all that match: bills are rated again, posted';
  withUrl(leaf(vee, 'release [decision]', release))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--reason <text>', 'why; the audit keeps it')
    .option('--rule <name>', 'instead of one decision: all open ones of a rule, such as highLow')
    .option('--meter <serial>', 'instead of one decision: all open ones of a meter')
    .action(
      async (
        decision: string | undefined,
        { json, ...options }: ReleaseMatchingOptions & { json: boolean },
      ) => finish(await releaseDecisions(decision, options), json),
    );
  withUrl(leaf(vee, 'confirm <decision>', 'say that a decision is right; it goes on to hold'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--reason <text>', 'why; the audit keeps it')
    .action(
      async (decision: string, { json, ...options }: ResolveDecisionOptions & { json: boolean }) =>
        finish(await resolveOneDecision(decision, 'confirmed', options), json),
    );
  return vee;
}
