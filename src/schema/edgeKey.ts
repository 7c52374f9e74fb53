import { revokeEdgeKey } from '../operations/revokeEdgeKey.ts';
import type { RevokedEdgeKey } from '../operations/revokeEdgeKey.ts';
import { builder } from './builder.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const RevokeEdgeKeyPayload = builder.objectRef<RevokedEdgeKey>('RevokeEdgeKeyPayload').implement({
  fields: (t) => ({
    keyId: t.exposeString('keyId'),
    edgeName: t.exposeString('edgeName'),
    revokedAt: t.field({
      type: 'DateTime',
      description: 'What it signed before stays signed.',
      resolve: ({ revokedAtMs }) => new Date(revokedAtMs),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const RevokeEdgeKeyResult = resultUnion('RevokeEdgeKeyResult', RevokeEdgeKeyPayload);

const RevokeEdgeKeyInput = builder.inputType('RevokeEdgeKeyInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    keyId: t.string({
      required: true,
      description: '32 hexadecimal digits, as traces and the quarantine tell it.',
    }),
    reason: t.string({ required: true, description: 'For the audit, in your words.' }),
  }),
});

builder.mutationField('revokeEdgeKey', (t) =>
  t.field({
    type: RevokeEdgeKeyResult,
    authScopes: { may: 'Mutation.revokeEdgeKey' },
    description: 'Nothing more that the key signs is taken in. For ever: register another key.',
    args: { input: t.arg({ type: RevokeEdgeKeyInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await revokeEdgeKey(deps, viewer, input);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
