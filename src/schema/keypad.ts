import {
  findCountedToken,
  findIssuedToken,
  isChoiceOpen,
  listKeypads,
  pageKeypads,
} from '../db/keypads.ts';
import type { IssuedToken, KeypadView } from '../db/keypads.ts';
import { refuse } from '../domain/outcome.ts';
import { chooseKeypad } from '../operations/keypad/chooseKeypad.ts';
import type { ChosenKeypad } from '../operations/keypad/chooseKeypad.ts';
import { instructKeypad } from '../operations/keypad/instructKeypad.ts';
import type { Instruction } from '../operations/keypad/instructKeypad.ts';
import { digitsOf } from '../operations/keypad/readToken.ts';
import { registerKeypad } from '../operations/keypad/registerKeypad.ts';
import type { RegisteredKeypad } from '../operations/keypad/registerKeypad.ts';
import type { DeviceKeysOf } from '../domain/payment/deviceKeys.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import type { ApiDeps } from './context.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { pageById } from './page.ts';
import { Payment, PaymentReceipt } from './payment.ts';
import { resultUnion, userErrorOf } from './userError.ts';

function keysOf({ deviceKeys }: ApiDeps): DeviceKeysOf {
  const message = 'This server has no data directory with keys of devices.';
  return deviceKeys ?? (() => refuse('DEVICE_KEYS_MISSING', message));
}

const TokenKind = builder.enumType('TokenKind', {
  values: {
    ADD: { value: 'add', description: 'Days or units that were paid for.' },
    SET: { value: 'set', description: 'The device has so many then. Older tokens are void.' },
    DISABLE: { value: 'disable', description: 'The device works without tokens for good.' },
  } as const,
});

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
    kind: t.field({ type: TokenKind, resolve: ({ kind }) => kind }),
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
      'Null: the account has no keypad device, or not any more, or several and none was chosen, ' +
      'or what was paid is less than a unit.',
    resolve: ({ id }, _args, { read }) => read((tx) => findIssuedToken(tx, id)),
  }),
);

builder.objectField(Payment, 'isKeypadOpen', (t) =>
  t.boolean({
    complexity: 10,
    description: 'Its account had several keypads: chooseKeypad says for which one it was.',
    resolve: ({ id }, _args, { read }) => read((tx) => isChoiceOpen(tx, id)),
  }),
);

const Keypad = builder.objectRef<KeypadView>('Keypad').implement({
  description: 'An OpenPAYGO device that takes tokens.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    isRemoved: t.exposeBoolean('isRemoved', {
      description: 'Its meter was taken down; payments count for the one in its place.',
    }),
    digits: t.exposeInt('digits', { description: 'Of its tokens.' }),
    unitPrice: t.field({
      type: Money,
      description: 'Of a day or unit.',
      resolve: ({ unitMicros: micros, currency }) => ({ micros, currency }),
    }),
    carried: t.field({
      type: Money,
      description: 'Paid and not in a token yet; below zero, money went back whose token is out.',
      resolve: ({ carriedMicros: micros, currency }) => ({ micros, currency }),
    }),
    tokenCount: t.exposeInt('tokenCount', { description: 'Of its last token.' }),
  }),
});

builder.objectField(Account, 'keypads', (t) =>
  t.field({
    type: [Keypad],
    complexity: { field: 10, multiplier: 10 },
    description: 'Of the places that its agreements are about now.',
    resolve: async ({ id: accountId }, _args, { read, deps }) => [
      ...(await read((tx) => listKeypads(tx, { accountId, atMs: deps.clock.nowMs() }))),
    ],
  }),
);

builder.queryField('keypads', (t) =>
  t.connection({
    type: Keypad,
    authScopes: { may: 'Query.keypads' },
    complexity: pageCost,
    description: 'All of the company, by their meters.',
    resolve: (_root, args, { read, deps }) =>
      pageById(args, (page) => read((tx) => pageKeypads(tx, page, deps.clock.nowMs()))),
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

const ChooseKeypadPayload = builder.objectRef<ChosenKeypad>('ChooseKeypadPayload').implement({
  fields: (t) => ({
    payment: t.field({
      type: Payment,
      description: 'Its `token` is there, or it is less than a unit and carried to the next one.',
      resolve: ({ paymentId }) => paymentId,
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'It was so before: nothing is new.' }),
  }),
});

const ChooseKeypadResult = resultUnion('ChooseKeypadResult', ChooseKeypadPayload);

const ChooseKeypadInput = builder.inputType('ChooseKeypadInput', {
  fields: (t) => ({
    paymentId: t.globalID({ for: Payment, required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
  }),
});

const InstructKeypadPayload = builder.objectRef<Instruction>('InstructKeypadPayload').implement({
  fields: (t) => ({
    token: t.field({
      type: PaymentToken,
      nullable: true,
      resolve: (of, _args, { read }) => read((tx) => findCountedToken(tx, of)),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const InstructKeypadResult = resultUnion('InstructKeypadResult', InstructKeypadPayload);

const KeypadInstruction = builder.enumType('KeypadInstruction', {
  values: {
    SET: { value: 'set', description: 'The device has `value` days or units then.' },
    DISABLE: { value: 'disable', description: 'It works without tokens for good; 9 digits alone.' },
  } as const,
});

const InstructKeypadInput = builder.inputType('InstructKeypadInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
    kind: t.field({ type: KeypadInstruction, required: true }),
    value: t.int({ description: 'Of SET: days or units, as the device counts.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
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
  chooseKeypad: t.field({
    type: ChooseKeypadResult,
    authScopes: { may: 'Mutation.chooseKeypad' },
    description: 'Says for which keypad a payment of an account with several was. It stands.',
    args: { input: t.arg({ type: ChooseKeypadInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const paymentId = uuidKey(input.paymentId.id);
      const done = await chooseKeypad(deps, viewer, {
        paymentId,
        meterId: integerKey(input.meterId.id),
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  instructKeypad: t.field({
    type: InstructKeypadResult,
    authScopes: { may: 'Mutation.instructKeypad' },
    description: 'A token that nobody paid for: it sets what a device has left, or disables it.',
    args: { input: t.arg({ type: InstructKeypadInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const asked = { ...input, meterId: integerKey(input.meterId.id), value: input.value ?? null };
      const done = await instructKeypad(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
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
