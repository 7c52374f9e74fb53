import { parseAccountId, parseAgreementId } from '../domain/ids.ts';
import type { Succession } from '../operations/prepaid/agreementChange.ts';
import { changeAccount } from '../operations/prepaid/changeAccount.ts';
import { changeMode } from '../operations/prepaid/changeMode.ts';
import { takeBackChange } from '../operations/prepaid/takeBackChange.ts';
import type { TakenBack } from '../operations/prepaid/takeBackChange.ts';
import { Account } from './account.ts';
import { Agreement, AgreementMode } from './agreement.ts';
import { builder } from './builder.ts';
import { integerKey } from './nodeKey.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const ChangeModePayload = builder.objectRef<Succession>('ChangeAgreementModePayload').implement({
  fields: (t) => ({
    ended: t.field({
      type: Agreement,
      description: 'Its last bill ends with it.',
      resolve: ({ endedId }) => endedId,
    }),
    next: t.field({
      type: Agreement,
      description: 'Of the same account, place and tariff; the balance goes on.',
      resolve: ({ nextId }) => nextId,
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const ChangeModeResult = resultUnion('ChangeAgreementModeResult', ChangeModePayload);

const ChangeModeInput = builder.inputType('ChangeAgreementModeInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agreementId: t.globalID({ for: Agreement, required: true }),
    mode: t.field({ type: AgreementMode, required: true }),
    at: t.field({
      type: 'DateTime',
      description: 'On a quarter hour and not before now; without it the next one.',
    }),
    balanceLimit: t.field({ type: 'Decimal', description: 'Without it as it is.' }),
    reconnectLevel: t.field({ type: 'Decimal', description: 'Without it as it is.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const ChangeAccountPayload = builder
  .objectRef<Succession>('ChangeAgreementAccountPayload')
  .implement({
    fields: (t) => ({
      ended: t.field({
        type: Agreement,
        description: 'Its last bill ends with it; its balance stays with its account.',
        resolve: ({ endedId }) => endedId,
      }),
      next: t.field({
        type: Agreement,
        description: 'Of the other account, at the same place and tariff.',
        resolve: ({ nextId }) => nextId,
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const ChangeAccountResult = resultUnion('ChangeAgreementAccountResult', ChangeAccountPayload);

const ChangeAccountInput = builder.inputType('ChangeAgreementAccountInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agreementId: t.globalID({ for: Agreement, required: true }),
    accountId: t.globalID({
      for: Account,
      required: true,
      description: 'Who comes: the next tenant, or the landlord of a vacant place.',
    }),
    mode: t.field({ type: AgreementMode, required: true }),
    at: t.field({
      type: 'DateTime',
      description: 'On a quarter hour and not before now; without it the next one.',
    }),
    balanceLimit: t.field({ type: 'Decimal', description: 'Without it as it is.' }),
    reconnectLevel: t.field({ type: 'Decimal', description: 'Without it as it is.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const TakeBackPayload = builder.objectRef<TakenBack>('TakeBackAgreementChangePayload').implement({
  fields: (t) => ({
    agreement: t.field({
      type: Agreement,
      description: 'It goes on.',
      resolve: ({ agreementId }) => agreementId,
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const TakeBackResult = resultUnion('TakeBackAgreementChangeResult', TakeBackPayload);

const TakeBackInput = builder.inputType('TakeBackAgreementChangeInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agreementId: t.globalID({
      for: Agreement,
      required: true,
      description: 'The one that would end with the change.',
    }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

builder.mutationFields((t) => ({
  takeBackAgreementChange: t.field({
    type: TakeBackResult,
    description: 'A recorded change of mode or account that has not begun does not come.',
    authScopes: { may: 'Mutation.takeBackAgreementChange' },
    args: { input: t.arg({ type: TakeBackInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const agreementId = parseAgreementId(integerKey(input.agreementId.id));
      if (!agreementId.ok) return userErrorOf(agreementId);
      const done = await takeBackChange(deps, viewer, { ...input, agreementId: agreementId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  changeAgreementMode: t.field({
    type: ChangeModeResult,
    description:
      'From paying before to paying after, or back, within a month: nothing is posted for it, ' +
      'and each quarter hour is of one of the two bills.',
    authScopes: { may: 'Mutation.changeAgreementMode' },
    args: { input: t.arg({ type: ChangeModeInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { agreementId: raw, at, balanceLimit, reconnectLevel, ...rest } = input;
      const agreementId = parseAgreementId(integerKey(raw.id));
      if (!agreementId.ok) return userErrorOf(agreementId);
      const done = await changeMode(deps, viewer, {
        ...rest,
        agreementId: agreementId.value,
        atMs: at?.getTime() ?? null,
        ...(balanceLimit && { balanceLimit }),
        ...(reconnectLevel && { reconnectLevel }),
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  changeAgreementAccount: t.field({
    type: ChangeAccountResult,
    description:
      'Somebody moves out and somebody else in: the agreement ends, and another one of the same ' +
      'place and tariff begins. Nothing is posted for it.',
    authScopes: { may: 'Mutation.changeAgreementAccount' },
    args: { input: t.arg({ type: ChangeAccountInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { agreementId: raw, at, balanceLimit, reconnectLevel, ...rest } = input;
      const agreementId = parseAgreementId(integerKey(raw.id));
      if (!agreementId.ok) return userErrorOf(agreementId);
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await changeAccount(deps, viewer, {
        ...rest,
        agreementId: agreementId.value,
        accountId: accountId.value,
        atMs: at?.getTime() ?? null,
        ...(balanceLimit && { balanceLimit }),
        ...(reconnectLevel && { reconnectLevel }),
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
