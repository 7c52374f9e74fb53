import { parse, validate } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { pagePersistedOperations } from '../db/persistedOperations.ts';
import type { PersistedOperationRow } from '../db/persistedOperations.ts';
import { documentTokensMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { registerPersistedOperation } from '../operations/registerPersistedOperation.ts';
import { builder, pageCost } from './builder.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const PersistedOperation = builder
  .objectRef<PersistedOperationRow>('PersistedOperation')
  .implement({
    description: 'A document that partners may send, by its id.',
    fields: (t) => ({
      documentId: t.exposeString('id', { description: '`sha256:` and the digest in hex.' }),
      name: t.exposeString('name'),
      document: t.exposeString('document'),
      registeredAt: t.field({ type: 'DateTime', resolve: ({ registeredAt }) => registeredAt }),
    }),
  });

builder.queryField('persistedOperations', (t) =>
  t.connection({
    type: PersistedOperation,
    authScopes: { may: 'Query.persistedOperations' },
    complexity: pageCost,
    description: 'Newest first.',
    resolve: (_root, args, { read }) =>
      pageByTime(
        args,
        (page) => read((tx) => pagePersistedOperations(tx, page)),
        ({ registeredAt, id }) => ({ atMs: registeredAt.getTime(), key: id }),
      ),
  }),
);

/** Only what runs may be registered: a partner would find out too late. */
function checkDocument(schema: GraphQLSchema, document: string): Outcome<null, 'DOCUMENT_INVALID'> {
  try {
    const [error] = validate(schema, parse(document, { maxTokens: documentTokensMax }));
    if (error === undefined) return accept(null);
    return refuse('DOCUMENT_INVALID', `${error.message} Correct the document.`, ['document']);
  } catch (error) {
    // The parser has no other way to say what it does not understand.
    const message = error instanceof Error ? error.message : 'It cannot be parsed.';
    return refuse('DOCUMENT_INVALID', `${message} Correct the document.`, ['document']);
  }
}

type Registered = { readonly id: string; readonly isReplay: boolean };

const RegisterPayload = builder
  .objectRef<Registered>('RegisterPersistedOperationPayload')
  .implement({
    fields: (t) => ({
      documentId: t.exposeString('id', { description: 'Send it as `documentId`.' }),
      isReplay: t.exposeBoolean('isReplay', { description: 'It was registered before.' }),
    }),
  });

const RegisterResult = resultUnion('RegisterPersistedOperationResult', RegisterPayload);

const RegisterInput = builder.inputType('RegisterPersistedOperationInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    document: t.string({ required: true }),
  }),
});

builder.mutationField('registerPersistedOperation', (t) =>
  t.field({
    type: RegisterResult,
    authScopes: { may: 'Mutation.registerPersistedOperation' },
    args: { input: t.arg({ type: RegisterInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }, { schema }) => {
      const checked = checkDocument(schema, input.document);
      if (!checked.ok) return userErrorOf(checked);
      const done = await registerPersistedOperation(deps, viewer, input);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
