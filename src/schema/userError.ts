import type { ObjectRef } from '@pothos/core';
import { assertNever } from '../domain/assert.ts';
import type { Refused } from '../domain/outcome.ts';
import type { AdjustBalanceCode } from '../operations/adjustBalance.ts';
import type { ChangeAgentLimitCode } from '../operations/cash/changeAgentLimit.ts';
import type { EraseCustomerCode } from '../operations/eraseCustomer.ts';
import type { HandOverCode } from '../operations/cash/handOverCash.ts';
import type { TakeCashCode } from '../operations/cash/takeCash.ts';
import type { CancelSimulationCode } from '../operations/cancelSimulation.ts';
import type { CorrectTransferCode } from '../operations/correctTransfer.ts';
import type { CorrectCode } from '../operations/office/correctQuarantined.ts';
import type { EditReadingCode } from '../operations/office/editReading.ts';
import type { RecordReadingsCode } from '../operations/office/recordReadings.ts';
import type { ResolveCode } from '../operations/office/replayQuarantined.ts';
import type { DismissReadingsCode } from '../operations/office/dismissReadings.ts';
import type { RetryReadingsCode } from '../operations/office/retryReadings.ts';
import type { ExchangeMeterCode } from '../operations/exchangeMeter.ts';
import type { ChooseKeypadCode } from '../operations/keypad/chooseKeypad.ts';
import type { InstructKeypadCode } from '../operations/keypad/instructKeypad.ts';
import type { RegisterKeypadCode } from '../operations/keypad/registerKeypad.ts';
import type { AllocateCode } from '../operations/payments/allocatePayment.ts';
import type { RefundCode } from '../operations/payments/refundPayment.ts';
import type { StartPaymentCode } from '../operations/payments/startPayment.ts';
import type { PayOutCode } from '../operations/payOutAccount.ts';
import type { PublishTariffCode } from '../operations/publishTariff.ts';
import type { PublishVeeSetCode } from '../operations/publishVeeSet.ts';
import type { RecordMarkCode } from '../operations/recordMark.ts';
import type { RecordPricesCode } from '../operations/recordPrices.ts';
import type { RegisterCode } from '../operations/registerPersistedOperation.ts';
import type { RevokeEdgeKeyCode } from '../operations/revokeEdgeKey.ts';
import type { RequestCommandCode } from '../operations/requestCommand.ts';
import type { SimulateTariffCode } from '../operations/simulateTariff.ts';
import type { PublishPolicyCode, PutUnderPolicyCode } from '../operations/prepaid/publishPolicy.ts';
import type { ChangeAccountCode } from '../operations/prepaid/changeAccount.ts';
import type { ChangeModeCode } from '../operations/prepaid/changeMode.ts';
import type { PlanDebtCode } from '../operations/prepaid/planDebt.ts';
import type { SetAsideCode } from '../operations/prepaid/setAsideDebt.ts';
import type { TakeBackCode } from '../operations/prepaid/takeBackChange.ts';
import type { EmergencyCode } from '../operations/prepaid/takeEmergencyCredit.ts';
import type { ApproveCode } from '../operations/supply/approve.ts';
import type {
  AddProtectionCode,
  AdvisoryCode,
  EndProtectionCode,
  EndWorkOrderCode,
} from '../operations/supply/protections.ts';
import type { TakeDepositCode } from '../operations/takeDeposit.ts';
import type { AutoTopUpCode } from '../operations/topUps/setAutoTopUp.ts';
import type { TopUpCode } from '../operations/topUp.ts';
import type { UseVoucherCode } from '../operations/vouchers/useVoucher.ts';
import type { WriteOffCode } from '../operations/writeOffDebt.ts';
import type { ResolveDecisionCode } from '../operations/vee/resolveDecision.ts';
import { builder } from './builder.ts';

/** Every code that a mutation can answer with. Stable: clients match on them. */
export type UserErrorCode =
  | TopUpCode
  | StartPaymentCode
  | RefundCode
  | AllocateCode
  | AutoTopUpCode
  | RegisterKeypadCode
  | ChooseKeypadCode
  | InstructKeypadCode
  | TakeCashCode
  | HandOverCode
  | ChangeAgentLimitCode
  | UseVoucherCode
  | RequestCommandCode
  | PublishTariffCode
  | RecordPricesCode
  | RecordMarkCode
  | ExchangeMeterCode
  | RegisterCode
  | SimulateTariffCode
  | CancelSimulationCode
  | PublishVeeSetCode
  | ResolveDecisionCode
  | RecordReadingsCode
  | EditReadingCode
  | ResolveCode
  | CorrectCode
  | RetryReadingsCode
  | DismissReadingsCode
  | RevokeEdgeKeyCode
  | CorrectTransferCode
  | AdjustBalanceCode
  | WriteOffCode
  | SetAsideCode
  | PlanDebtCode
  | ChangeModeCode
  | TakeBackCode
  | EraseCustomerCode
  | ChangeAccountCode
  | TakeDepositCode
  | PayOutCode
  | EmergencyCode
  | PublishPolicyCode
  | PutUnderPolicyCode
  | ApproveCode
  | AddProtectionCode
  | EndProtectionCode
  | AdvisoryCode
  | EndWorkOrderCode
  | 'OFFICE_UNAVAILABLE'
  | 'VALUE_MALFORMED'
  | 'ID_MALFORMED'
  | 'DOCUMENT_INVALID';

const errorTypeNames = [
  'InvalidInputError',
  'NotFoundError',
  'NotPermittedError',
  'ConflictError',
] as const;
type ErrorTypeName = (typeof errorTypeNames)[number];

export type UserErrorValue = {
  readonly errorType: ErrorTypeName;
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
  readonly isAudited?: boolean;
};

/** Which type a code is of; what is not named here is a mistake in the input. */
const errorTypes: Partial<Record<UserErrorCode, ErrorTypeName>> = {
  NOT_PERMITTED: 'NotPermittedError',
  ACCOUNT_NOT_FOUND: 'NotFoundError',
  METER_NOT_FOUND: 'NotFoundError',
  PAYMENT_NOT_FOUND: 'NotFoundError',
  PAYMENT_CHANNEL_UNKNOWN: 'NotFoundError',
  PAYMENT_CHANNEL_INACTIVE: 'ConflictError',
  PAYMENT_ALREADY_ALLOCATED: 'ConflictError',
  AUTO_TOP_UP_NOT_SET: 'NotFoundError',
  CHANNEL_WITHOUT_PROVIDER: 'ConflictError',
  KEYPAD_EXISTS: 'ConflictError',
  DEVICE_KEYS_MISSING: 'ConflictError',
  DEVICE_KEYS_EXPOSED: 'ConflictError',
  DEVICE_KEYS_MALFORMED: 'ConflictError',
  DEVICE_KEY_SEALED_ELSEWHERE: 'ConflictError',
  DEVICE_KEY_ALTERED: 'ConflictError',
  PAYMENT_HOLDS_NOTHING: 'ConflictError',
  PAYMENT_CREDIT_SPENT: 'ConflictError',
  PAYMENT_REFUND_ABOVE_CAPTURED: 'ConflictError',
  PROVIDER_UNAVAILABLE: 'ConflictError',
  PROVIDER_REFUSED: 'ConflictError',
  REFUND_UNANSWERED: 'ConflictError',
  PAYMENT_DECLINED: 'ConflictError',
  TRANSFER_NOT_FOUND: 'NotFoundError',
  APPROVAL_EXPIRED: 'ConflictError',
  APPROVED_AMOUNT_CHANGED: 'ConflictError',
  TRANSFER_IS_RATED: 'ConflictError',
  CORRECTION_ABOVE_TRANSFER: 'ConflictError',
  CORRECTION_ABOVE_DEBT: 'ConflictError',
  VOUCHER_SALE_STANDS: 'ConflictError',
  WRITE_OFF_ABOVE_DEBT: 'ConflictError',
  TARIFF_NOT_FOUND: 'NotFoundError',
  TARIFF_VERSION_NOT_FOUND: 'NotFoundError',
  AGREEMENT_NOT_FOUND: 'NotFoundError',
  SIMULATION_NOT_FOUND: 'NotFoundError',
  DECISION_NOT_FOUND: 'NotFoundError',
  DECISION_WITHDRAWN: 'ConflictError',
  DECISION_RESOLVED: 'ConflictError',
  DECISION_HOLDS_NOTHING: 'ConflictError',
  EDGE_KEY_NOT_FOUND: 'NotFoundError',
  EDGE_KEY_REVOKED: 'ConflictError',
  READING_NOT_FOUND: 'NotFoundError',
  QUARANTINE_NOT_FOUND: 'NotFoundError',
  READING_REVISION_STALE: 'ConflictError',
  QUARANTINE_RESOLVED: 'ConflictError',
  QUARANTINE_STILL_REFUSED: 'ConflictError',
  HELD_BACK_NOT_FOUND: 'NotFoundError',
  OFFICE_UNAVAILABLE: 'ConflictError',
  MARK_NOT_FOUND: 'NotFoundError',
  METER_REMOVED: 'ConflictError',
  SERIAL_TAKEN: 'ConflictError',
  IDEMPOTENCY_KEY_REUSED: 'ConflictError',
  COMMAND_OPEN: 'ConflictError',
  SUPPLY_ALREADY_SO: 'ConflictError',
  BALANCE_AT_LIMIT: 'ConflictError',
  NO_CONTACTOR: 'ConflictError',
  SECOND_PERSON_NEEDED: 'ConflictError',
  ALREADY_APPROVED: 'ConflictError',
  TRIP_NOT_FOUND: 'NotFoundError',
  PROTECTION_NOT_FOUND: 'NotFoundError',
  PROTECTION_ENDED: 'ConflictError',
  ADVISORY_NOT_FOUND: 'NotFoundError',
  WORK_ORDER_NOT_FOUND: 'NotFoundError',
  WORK_ORDER_ENDED: 'ConflictError',
  POLICY_NOT_FOUND: 'NotFoundError',
  POLICY_BEGINS_TWICE: 'ConflictError',
  PLAN_BEGINS_TWICE: 'ConflictError',
  SET_ASIDE_ABOVE_OWED: 'ConflictError',
  ACCOUNT_NOT_PREPAID: 'ConflictError',
  AGREEMENT_NOT_IN_FORCE: 'ConflictError',
  MODE_UNCHANGED: 'ConflictError',
  MODE_CHANGE_CARRIES: 'ConflictError',
  ACCOUNT_UNCHANGED: 'ConflictError',
  AGREEMENT_IN_FORCE: 'ConflictError',
  BILL_OPEN: 'ConflictError',
  BILL_HELD: 'ConflictError',
  CREDIT_RESERVED: 'ConflictError',
  NOTHING_TO_PAY_OUT: 'ConflictError',
  EMERGENCY_CREDIT_NOT_OFFERED: 'ConflictError',
  EMERGENCY_CREDIT_NOT_YET: 'ConflictError',
  EMERGENCY_CREDIT_TAKEN: 'ConflictError',
  EMERGENCY_CREDIT_TOO_SMALL: 'ConflictError',
  TARIFF_VERSION_EXISTS: 'ConflictError',
  SERIES_CONFLICT: 'ConflictError',
  SIMULATION_ENDED: 'ConflictError',
  SIMULATIONS_TOO_MANY: 'ConflictError',
};

export function userErrorOf(refusal: Refused<UserErrorCode>): UserErrorValue {
  const { code, message, isAudited = false } = refusal;
  const path = refusal.path === undefined ? ['input'] : ['input', ...refusal.path];
  return { errorType: errorTypes[code] ?? 'InvalidInputError', code, message, path, isAudited };
}

/** What is open passes by itself: the same request may succeed later. */
function isRetryable({ code }: UserErrorValue): boolean {
  return (
    code === 'PROVIDER_UNAVAILABLE' ||
    code === 'COMMAND_OPEN' ||
    code === 'BILL_OPEN' ||
    code === 'SIMULATIONS_TOO_MANY'
  );
}

const UserError = builder.interfaceRef<UserErrorValue>('UserError').implement({
  description: 'An expected refusal. Nothing was changed.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable; match on it.' }),
    message: t.exposeString('message', { description: 'What happened and what to do.' }),
    path: t.exposeStringList('path', { description: 'Where in the arguments.' }),
    retryable: t.boolean({ resolve: isRetryable }),
  }),
});

function errorRef(name: ErrorTypeName, description: string) {
  return builder
    .objectRef<UserErrorValue>(name)
    .implement({ interfaces: [UserError], description });
}

const errorRefs = {
  InvalidInputError: errorRef('InvalidInputError', 'Correct the input.'),
  NotFoundError: errorRef('NotFoundError', 'There is no such thing, or you may not see it.'),
  NotPermittedError: errorRef('NotPermittedError', 'Somebody else may do this.'),
  ConflictError: errorRef('ConflictError', 'It does not fit the present state.'),
};

export function isUserError(value: object): value is UserErrorValue {
  return 'errorType' in value;
}

/** The payload of a mutation or one of the typed errors. */
export function resultUnion<Payload extends object>(
  name: string,
  // The schema's own type parameter, which only Pothos can spell.
  payload: ObjectRef<typeof builder.$inferSchemaTypes, Payload>,
) {
  return builder.unionType(name, {
    types: [payload, ...errorTypeNames.map((each) => errorRefs[each])],
    resolveType: (value) => {
      if (!isUserError(value)) return payload;
      switch (value.errorType) {
        case 'InvalidInputError':
        case 'NotFoundError':
        case 'NotPermittedError':
        case 'ConflictError':
          return errorRefs[value.errorType];
        default:
          return assertNever(value.errorType);
      }
    },
  });
}
