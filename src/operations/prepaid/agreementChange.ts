import type { Transaction } from '../../db/connect.ts';
import type { AccountHead } from '../../db/ledger.ts';
import { eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { armAll, findChangedAgreement, insertModeChange } from '../../db/modeChanges.ts';
import type { ChangedAgreement } from '../../db/modeChanges.ts';
import { insertAgreementDuties } from '../../db/tariffVersions.ts';
import { formatMicros, parseMicros } from '../../domain/exact.ts';
import type { AgreementId } from '../../domain/ids.ts';
import { modeChangeAheadMsMax, topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { isOnSlotGrid, slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { dayMs, minuteMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';

/** An agreement ends at a quarter hour, and another one of its place and tariff begins there. */

export type AgreementChange = {
  readonly idempotencyKey: string;
  readonly agreementId: AgreementId;
  /** Of the next agreement. */
  readonly mode: 'prepaid' | 'postpaid';
  /** On a quarter hour, not before now; null: the next one. */
  readonly atMs: number | null;
  /** Of prepaid; without them those that the agreement has. */
  readonly balanceLimit?: string;
  readonly reconnectLevel?: string;
  readonly reason: string;
};

/** What is changed, as its codes name it. */
type What = 'MODE' | 'ACCOUNT';

type InstantCode<W extends What> =
  | `${W}_CHANGE_IN_PAST`
  | `${W}_CHANGE_OFF_GRID`
  | `${W}_CHANGE_TOO_FAR`;

export type AgreementChangeCode<W extends What> =
  | InstantCode<W>
  | LevelCode
  | 'AGREEMENT_NOT_FOUND'
  | 'AGREEMENT_NOT_IN_FORCE'
  | 'AGREEMENT_CHANGE_PLANNED';

type LevelCode = 'AMOUNT_MALFORMED' | 'LEVELS_CROSSED' | 'BALANCE_AT_LIMIT';

/** When a change begins that is asked for now: without an instant at the next quarter hour. */
export function changeBeginsMs(atMs: number | null, nowMs: number): number {
  return atMs ?? slotStartMs(slotOf(nowMs - 1) + 1);
}

/** When it begins: no reading of then is rated yet, so that none is billed twice or missed. */
function readAt<W extends What>(
  what: W,
  atMs: number | null,
  nowMs: number,
): Outcome<number, InstantCode<W>> {
  if (atMs === null) return accept(changeBeginsMs(atMs, nowMs));
  if (atMs < nowMs) {
    const message = `It is ${instantText(nowMs)}: what was used before stays as it was agreed.`;
    return refuse(`${what}_CHANGE_IN_PAST` as const, message, ['at']);
  }
  if (!isOnSlotGrid(atMs)) {
    const minutes = slotMs / minuteMs;
    const message = `A change begins with a quarter hour: use full ${minutes} minutes.`;
    return refuse(`${what}_CHANGE_OFF_GRID` as const, message, ['at']);
  }
  if (atMs > nowMs + modeChangeAheadMsMax) {
    const days = modeChangeAheadMsMax / dayMs;
    return refuse(`${what}_CHANGE_TOO_FAR` as const, `A change begins within ${days} days.`, [
      'at',
    ]);
  }
  return accept(atMs);
}

/** The agreement that is to end, and when. */
export async function findToChange<W extends What>(
  tx: Transaction,
  companyId: number,
  asked: { readonly what: W; readonly input: AgreementChange; readonly nowMs: number },
): Promise<
  Outcome<
    { readonly agreement: ChangedAgreement; readonly atMs: number },
    InstantCode<W> | 'AGREEMENT_NOT_FOUND' | 'AGREEMENT_NOT_IN_FORCE' | 'AGREEMENT_CHANGE_PLANNED'
  >
> {
  const { what, input, nowMs } = asked;
  const { agreementId } = input;
  const agreement = await findChangedAgreement(tx, { companyId, agreementId });
  if (agreement === null) {
    const message = 'You have no such agreement. Check its id.';
    return refuse('AGREEMENT_NOT_FOUND', message, ['agreementId']);
  }
  const at = readAt(what, input.atMs, nowMs);
  if (!at.ok) return at;
  const { validFrom, validTo } = agreement;
  const [fromMs, toMs] = [validFrom.getTime(), validTo?.getTime() ?? null];
  if (toMs !== null && agreement.isChanged && fromMs < at.value && at.value <= toMs) {
    const message =
      `A change of the agreement at ${instantText(toMs)} is recorded. Take it back first, or ` +
      'change the agreement that begins there, at a later instant.';
    return refuse('AGREEMENT_CHANGE_PLANNED', message, ['at']);
  }
  if (fromMs >= at.value || (toMs !== null && toMs <= at.value)) {
    const message = `The agreement is not in force at ${instantText(at.value)}. Check its dates.`;
    return refuse('AGREEMENT_NOT_IN_FORCE', message, ['at']);
  }
  return accept({ agreement, atMs: at.value });
}

function readLevel(
  text: string | undefined,
  known: bigint,
  name: string,
): Outcome<bigint, LevelCode> {
  if (text === undefined) return accept(known);
  const micros = parseMicros(text);
  const isLevel = micros.ok && micros.value <= topUpMicrosMax && micros.value >= -topUpMicrosMax;
  if (isLevel) return micros;
  return refuse('AMOUNT_MALFORMED', 'Write an amount such as "0.00" or "-5.00".', [name]);
}

/** As the audit writes it, without the currency. */
export function plainMoney(micros: bigint, { currency }: Pick<AccountHead, 'currency'>): string {
  return formatMicros(micros, minorDigitsOf(currency) ?? 2);
}

export type Levels = { readonly balanceLimitMicros: bigint; readonly reconnectMicros: bigint };

/**
 * Where a prepaid supply is cut and comes back; of postpaid they are kept and mean nothing. The
 * account is that of the next agreement.
 */
export function levelsOf(
  input: AgreementChange,
  agreement: ChangedAgreement,
  account: AccountHead,
): Outcome<Levels, LevelCode> {
  const limit = readLevel(input.balanceLimit, agreement.balanceLimitMicros, 'balanceLimit');
  if (!limit.ok) return limit;
  const back = readLevel(input.reconnectLevel, agreement.reconnectMicros, 'reconnectLevel');
  if (!back.ok) return back;
  const levels = { balanceLimitMicros: limit.value, reconnectMicros: back.value };
  if (back.value <= limit.value) {
    const message = 'The supply comes back above the level at which it is cut.';
    return refuse('LEVELS_CROSSED', message, ['reconnectLevel']);
  }
  const available = account.balanceMicros - account.reservedMicros;
  if (input.mode === 'prepaid' && available <= limit.value) {
    const message =
      `${plainMoney(available, account)} is available, and the supply is cut at ` +
      `${plainMoney(limit.value, account)}: a change cuts nobody. Let it be paid, or set what ` +
      'is owed aside as a debt.';
    return refuse('BALANCE_AT_LIMIT', message);
  }
  return accept(levels);
}

/** Ends the one and begins the other; its id. Under the lock of prices and of the accounts. */
export async function beginNext(
  tx: Transaction,
  agreement: ChangedAgreement,
  next: Levels & {
    readonly accountId: number;
    readonly mode: 'prepaid' | 'postpaid';
    readonly atMs: number;
    readonly nowMs: number;
    readonly actor: string;
  },
): Promise<number> {
  const { id: endedId, companyId, servicePointId, zone } = agreement;
  const nextId = await insertModeChange(tx, { ...next, endedId });
  if (next.mode === 'prepaid') await armAll(tx, next.accountId);
  // The bill of the month is shorter now: what goes by its days is worked out again.
  await insertAgreementDuties(tx, {
    companyId,
    servicePointIds: [servicePointId],
    fromMs: billingPeriodAt(zone, next.atMs).startMs,
    reason: 'agreement_added',
  });
  return nextId;
}

/** The agreement that ended and the one that began. */
export type Succession = {
  readonly endedId: number;
  readonly nextId: number;
  readonly atMs: number;
  readonly isReplay: boolean;
};

/** As a client's key keeps it. */
export function keptSuccession(of: Omit<Succession, 'isReplay'>): KeyedAnswer {
  return { endedId: String(of.endedId), nextId: String(of.nextId), atMs: String(of.atMs) };
}

/** After the commit; a replay has nothing new to tell. */
export function tellSuccession(
  deps: Pick<RequestDeps, 'wake'>,
  companyId: number,
  { answer, isReplay }: { readonly answer: KeyedAnswer; readonly isReplay: boolean },
): Succession {
  if (!isReplay) {
    deps.wake({ kind: 'events', shard: eventShardOf(companyId) });
    deps.wake({ kind: 'rating' });
  }
  return {
    endedId: Number(textOf(answer, 'endedId')),
    nextId: Number(textOf(answer, 'nextId')),
    atMs: Number(textOf(answer, 'atMs')),
    isReplay,
  };
}
