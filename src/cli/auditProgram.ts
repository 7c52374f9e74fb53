import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { auditCheckpoint, auditLog, auditVerify } from './commands/auditTrail.ts';
import type { AuditLogOptions, AuditVerifyOptions } from './commands/auditTrail.ts';
import { reconcileRestore } from './commands/reconcileRestore.ts';
import type { RestoreOptions } from './commands/reconcileRestore.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

type Json = { readonly json: boolean };

/** Who changed what, and whether somebody has changed what was written down of it. */
export function addAudit(program: Command, { leaf, withUrl, finish }: Making): void {
  const audit = program.command('audit').description('the audit, and the seals over all that is');
  withUrl(leaf(audit, 'verify', 'work every seal out anew; ends with 1 when something was changed'))
    .option('--checkpoints <file>', 'kept elsewhere; without it those of --data')
    .option('--key <file>', 'the billing keys, where their public part is trusted alone')
    .action(async ({ json, ...options }: AuditVerifyOptions & Json) =>
      finish(await auditVerify(options, json), json),
    );
  withUrl(leaf(audit, 'checkpoint', 'the newest head of the chain, to be kept elsewhere')).action(
    async ({ json, database }: { database: string | undefined } & Json) =>
      finish(await auditCheckpoint(database), json),
  );
  withUrl(leaf(audit, 'log', 'who changed what, newest first'))
    .requiredOption('--company <name>', 'as it is registered')
    .option('--subject <subject>', 'such as account/12 or meter/3')
    .option('--actor <actor>', 'as the audit names whoever did it')
    .option('--from <instant>', 'not before it')
    .option('--to <instant>', 'before it')
    .option('--limit <n>', 'how many', '20')
    .action(async ({ json, ...options }: AuditLogOptions & Json) =>
      finish(await auditLog(options), json),
    );
  const restore = program.command('restore').description('a database that came from a backup');
  withUrl(leaf(restore, 'reconcile', 'check it, and say that it is right again: cuts go on'))
    .requiredOption('--reason <text>', 'what happened, in your words')
    .action(async ({ json, ...options }: RestoreOptions & Json) =>
      finish(await reconcileRestore(options, json), json),
    );
}
