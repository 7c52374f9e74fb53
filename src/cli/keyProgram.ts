import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { listKeys, revokeKeyById } from './commands/edgeKeys.ts';
import type { KeyOptions } from './commands/edgeKeys.ts';
import { makeKey, showKey } from './commands/makeKey.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};

/** Commands about keys. One is added by declaring its public key: `fleet register`. */
export function addKeys(program: Command, { leaf, withUrl, finish }: Making): void {
  const key = program.command('key').description('Ed25519 keys of edges and of tokens');
  leaf(key, 'make <file>', 'write a new private key (PEM, mode 0600), print its public key').action(
    (file: string, { json }: { json: boolean }) => finish(makeKey(file), json),
  );
  leaf(key, 'show <file>', "print a private key's public key; --json tells its id, too").action(
    (file: string, { json }: { json: boolean }) => finish(showKey(file), json),
  );
  withUrl(leaf(key, 'list', 'the keys by which the edges of a company sign'))
    .requiredOption('--company <name>', 'as it is registered')
    .action(async ({ json, ...options }: KeyOptions & { json: boolean }) =>
      finish(await listKeys(options), json),
    );
  withUrl(leaf(key, 'revoke <keyid>', 'take in nothing more that a key signs, for ever'))
    .requiredOption('--company <name>', 'as it is registered')
    .requiredOption('--reason <text>', 'why; the audit keeps it')
    .action(
      async (keyId: string, { json, ...options }: KeyOptions & { reason: string; json: boolean }) =>
        finish(await revokeKeyById(keyId, options), json),
    );
}
