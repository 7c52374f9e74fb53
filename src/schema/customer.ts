import { parseAccountId } from '../domain/ids.ts';
import { eraseCustomer } from '../operations/eraseCustomer.ts';
import type { ErasedCustomer } from '../operations/eraseCustomer.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { integerKey } from './nodeKey.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const EraseCustomerPayload = builder.objectRef<ErasedCustomer>('EraseCustomerPayload').implement({
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    pseudonym: t.exposeString('pseudonym', { description: 'In place of the name from now on.' }),
    bankEntries: t.exposeInt('bankEntries', {
      description: 'Entries of bank statements whose words are gone.',
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const EraseCustomerResult = resultUnion('EraseCustomerResult', EraseCustomerPayload);

const EraseCustomerInput = builder.inputType('EraseCustomerInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({
      for: Account,
      required: true,
      description: 'One of the customer; all that it has must have ended.',
    }),
    reason: t.string({
      required: true,
      description: 'For the audit, which keeps it for good: without the name.',
    }),
  }),
});

builder.mutationField('eraseCustomer', (t) =>
  t.field({
    type: EraseCustomerResult,
    description:
      'What is known of the person of a former customer goes; the books stay as they are under a ' +
      'pseudonym. It cannot be undone.',
    authScopes: { may: 'Mutation.eraseCustomer' },
    args: { input: t.arg({ type: EraseCustomerInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await eraseCustomer(deps, viewer, { ...input, accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
