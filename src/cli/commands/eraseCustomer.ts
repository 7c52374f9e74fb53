import { randomUUID } from 'node:crypto';
import { accept } from '../../domain/outcome.ts';
import { eraseCustomer } from '../../operations/eraseCustomer.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';

export type EraseOptions = DeskOptions & {
  readonly account: string;
  readonly reason: string;
  readonly key: string | undefined;
};

export async function eraseOneCustomer(options: EraseOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'administrator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = options.key ?? randomUUID();
    const { reason } = options;
    const asked = { idempotencyKey, accountId: account.value, reason };
    const done = await eraseCustomer(deps, viewer, asked);
    if (!done.ok) return done;
    const { pseudonym, bankEntries, isReplay } = done.value;
    const sentence =
      `The customer of ${options.account} is "${pseudonym}" from now on, and ${bankEntries} ` +
      'entries of bank statements are without their words.';
    return accept({ sentence, facts: { pseudonym, bankEntries, isReplay, idempotencyKey } });
  });
}
