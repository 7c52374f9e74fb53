import type { Viewer as ViewerValue } from '../domain/access/viewer.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';

const Role = builder.enumType('Role', {
  values: {
    SUBSCRIBER: { value: 'subscriber' },
    OPERATOR: { value: 'operator' },
    ADMINISTRATOR: { value: 'administrator' },
    DEVELOPER: { value: 'developer' },
  } as const,
});

const Viewer = builder.objectRef<ViewerValue>('Viewer').implement({
  description: 'On whose behalf the token speaks.',
  fields: (t) => ({
    role: t.field({ type: Role, resolve: ({ role }) => role }),
    account: t.field({
      type: Account,
      nullable: true,
      description: "A subscriber's own.",
      resolve: ({ accountId }) => accountId,
    }),
    persistedOnly: t.exposeBoolean('persistedOnly', {
      description: 'It may send registered documents only.',
    }),
    tokenExpiresAt: t.field({
      type: 'DateTime',
      resolve: (_viewer, _args, { expiresAtMs }) => new Date(expiresAtMs),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    authScopes: { may: 'Query.viewer' },
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
