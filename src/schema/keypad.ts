import { findIssuedToken } from '../db/keypads.ts';
import type { IssuedToken } from '../db/keypads.ts';
import { refuse } from '../domain/outcome.ts';
import { digitsOf } from '../operations/keypad/readToken.ts';
import { registerKeypad } from '../operations/keypad/registerKeypad.ts';
import type { RegisteredKeypad } from '../operations/keypad/registerKeypad.ts';
import type { DeviceKeysOf } from '../domain/payment/deviceKeys.ts';
import { builder } from './builder.ts';
import type { ApiDeps } from './context.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { Payment, PaymentReceipt } from './payment.ts';
import { resultUnion, userErrorOf } from './userError.ts';

function keysOf({ deviceKeys }: ApiDeps): DeviceKeysOf {
  const message = 'This server has no data directory with keys of devices.';
  return deviceKeys ?? (() => refuse('DEVICE_KEYS_MISSING', message));
}

const PaymentToken = builder.objectRef<IssuedToken>('PaymentToken').implement({
  description: 'What the customer types into the keypad device. The same however often it is read.',
  fields: (t) => ({
    digits: t.string({
      nullable: true,
      description: 'Null: this server cannot make them; see `code`.',
      resolve: (issued, _args, { deps }) => {
        const digits = digitsOf(issued, keysOf(deps));
        return digits.ok ? digits.value : null;
      },
    }),
    code: t.string({
      nullable: true,
      description: 'Why there are no digits here, such as DEVICE_KEYS_MISSING.',
      resolve: (issued, _args, { deps }) => {
        const digits = digitsOf(issued, keysOf(deps));
        return digits.ok ? null : digits.code;
      },
    }),
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    value: t.exposeInt('value', { description: 'Days or units, as the device counts.' }),
    count: t.exposeInt('tokenCount', { description: 'Of the device; it goes up with each token.' }),
    issuedAt: t.field({ type: 'DateTime', resolve: ({ issuedAt }) => issuedAt }),
  }),
});

builder.objectField(Payment, 'token', (t) =>
  t.field({
    type: PaymentToken,
    nullable: true,
    complexity: 20,
    description:
      'Null: the account has no keypad device, or not any more, or what was paid is less than ' +
      'a unit.',
    resolve: ({ id }, _args, { read }) => read((tx) => findIssuedToken(tx, id)),
  }),
);

builder.objectField(PaymentReceipt, 'token', (t) =>
  t.field({
    type: PaymentToken,
    nullable: true,
    complexity: 20,
    resolve: ({ document, paymentId }, _args, { read }) =>
      typeof document === 'object' && document !== null && 'token' in document
        ? read((tx) => findIssuedToken(tx, paymentId))
        : null,
  }),
);

const RegisterKeypadPayload = builder
  .objectRef<RegisteredKeypad>('RegisterKeypadPayload')
  .implement({
    fields: (t) => ({
      meter: t.field({ type: Meter, resolve: ({ meterId }) => meterId }),
      isReplay: t.exposeBoolean('isReplay', { description: 'It was so before: nothing is new.' }),
    }),
  });

const RegisterKeypadResult = resultUnion('RegisterKeypadResult', RegisterKeypadPayload);

const RegisterKeypadInput = builder.inputType('RegisterKeypadInput', {
  fields: (t) => ({
    meterId: t.globalID({ for: Meter, required: true }),
    key: t.string({ required: true, description: '32 hexadecimal digits, of its maker.' }),
    startingCode: t.int({ required: true }),
    tokenCount: t.int({ description: 'Of the last token that it was given; null: none yet.' }),
    digits: t.int({ required: true, description: 'Of its tokens: 9 or 12.' }),
    unitPrice: t.field({ type: 'Decimal', required: true, description: 'Of a day or unit.' }),
    currency: t.string({ required: true, description: 'ISO 4217.' }),
  }),
});

builder.mutationFields((t) => ({
  registerKeypad: t.field({
    type: RegisterKeypadResult,
    authScopes: { may: 'Mutation.registerKeypad' },
    description:
      'Makes a meter’s OpenPAYGO device known: payments of its account give tokens from then on. ' +
      'Its key is sealed and never told again. Said again, the price alone may be another.',
    args: { input: t.arg({ type: RegisterKeypadInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const asked = { ...input, meterId: integerKey(input.meterId.id) };
      const done = await registerKeypad({ ...deps, keysOf: keysOf(deps) }, viewer, {
        ...asked,
        tokenCount: input.tokenCount ?? null,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
