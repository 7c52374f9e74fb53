import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import { armAll, findChangedAgreement, insertModeChange } from '../../db/modeChanges.ts';
import type { ChangedAgreement } from '../../db/modeChanges.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import type { Statement, Transaction } from '../../db/connect.ts';
import { readVersions } from '../../db/ratingInputs.ts';
import { holdPrices, insertAgreementDuties } from '../../db/tariffVersions.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { formatMicros, parseMicros } from '../../domain/exact.ts';
import type { AgreementId } from '../../domain/ids.ts';
import { modeChangeAheadMsMax, topUpMicrosMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { isOnSlotGrid, slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { carries } from '../../domain/tariff/carries.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import { refusePrepaid } from '../../domain/tariff/prepaid.ts';
import { dayMs, minuteMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';

export type ChangeModeInput = {
  readonly idempotencyKey: string;
  readonly agreementId: AgreementId;
  readonly mode: 'prepaid' | 'postpaid';
  /** On a quarter hour, not before now; null: the next one. */
  readonly atMs: number | null;
  /** Of prepaid; without them those that the agreement has. */
  readonly balanceLimit?: string;
  readonly reconnectLevel?: string;
  readonly reason: string;
};

export type ChangeModeCode =
  | StaffCode
  | 'AGREEMENT_NOT_FOUND'
  | 'AGREEMENT_NOT_IN_FORCE'
  | 'MODE_UNCHANGED'
  | 'MODE_CHANGE_IN_PAST'
  | 'MODE_CHANGE_OFF_GRID'
  | 'MODE_CHANGE_TOO_FAR'
  | 'MODE_CHANGE_CARRIES'
  | 'PREPAID_UNSUPPORTED'
  | 'AMOUNT_MALFORMED'
  | 'LEVELS_CROSSED'
  | 'BALANCE_AT_LIMIT';

export type ChangedMode = {
  readonly endedId: number;
  readonly nextId: number;
  readonly atMs: number;
  readonly isReplay: boolean;
};

/** When it begins: no reading of then is rated yet, so that none is billed twice or missed. */
function readAt(atMs: number | null, nowMs: number): Outcome<number, ChangeModeCode> {
  if (atMs === null) return accept(slotStartMs(slotOf(nowMs - 1) + 1));
  if (atMs < nowMs) {
    const message = `It is ${instantText(nowMs)}: what was used before stays as it was agreed.`;
    return refuse('MODE_CHANGE_IN_PAST', message, ['at']);
  }
  if (!isOnSlotGrid(atMs)) {
    const minutes = slotMs / minuteMs;
    const message = `A change begins with a quarter hour: use full ${minutes} minutes.`;
    return refuse('MODE_CHANGE_OFF_GRID', message, ['at']);
  }
  if (atMs > nowMs + modeChangeAheadMsMax) {
    const days = modeChangeAheadMsMax / dayMs;
    return refuse('MODE_CHANGE_TOO_FAR', `A change begins within ${days} days.`, ['at']);
  }
  return accept(atMs);
}

/** Bills of the tariff that are cut at the change must each be complete in themselves. */
async function refuseTariff(
  tx: Statement,
  { tariffId }: ChangedAgreement,
  { mode }: ChangeModeInput,
): Promise<Outcome<null, ChangeModeCode>> {
  for (const { document } of await readVersions(tx, [tariffId])) {
    const parsed = parseTariffDocument(document);
    if (!parsed.ok) continue;
    const carrying = parsed.value.components.find(carries);
    if (carrying !== undefined) {
      const message =
        `${carrying.name} goes on from bill to bill of one agreement, so that the change would ` +
        'cut it off. End the agreement with its month or year and register another one.';
      return refuse('MODE_CHANGE_CARRIES', message);
    }
    const unsupported = mode === 'prepaid' ? refusePrepaid(parsed.value) : null;
    if (unsupported !== null) return unsupported;
  }
  return accept(null);
}

function readLevel(
  text: string | undefined,
  known: bigint,
  name: string,
): Outcome<bigint, ChangeModeCode> {
  if (text === undefined) return accept(known);
  const micros = parseMicros(text);
  const isLevel = micros.ok && micros.value <= topUpMicrosMax && micros.value >= -topUpMicrosMax;
  if (isLevel) return micros;
  return refuse('AMOUNT_MALFORMED', 'Write an amount such as "0.00" or "-5.00".', [name]);
}

function money(micros: bigint, { currency }: AccountHead): string {
  return formatMicros(micros, minorDigitsOf(currency) ?? 2);
}

type Levels = { readonly balanceLimitMicros: bigint; readonly reconnectMicros: bigint };

/** Where a prepaid supply is cut and comes back; of postpaid they are kept and mean nothing. */
function levelsOf(
  input: ChangeModeInput,
  agreement: ChangedAgreement,
  account: AccountHead,
): Outcome<Levels, ChangeModeCode> {
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
      `${money(available, account)} is available, and the supply is cut at ` +
      `${money(limit.value, account)}: a change of mode cuts nobody. Let it be paid, or set ` +
      'what is owed aside as a debt.';
    return refuse('BALANCE_AT_LIMIT', message);
  }
  return accept(levels);
}

type Asked = {
  readonly agreement: ChangedAgreement;
  readonly account: AccountHead;
  readonly atMs: number;
  readonly levels: Levels;
};

async function prepare(
  tx: Transaction,
  companyId: number,
  { input, nowMs }: { readonly input: ChangeModeInput; readonly nowMs: number },
): Promise<Outcome<Asked, ChangeModeCode>> {
  const { agreementId, mode } = input;
  const agreement = await findChangedAgreement(tx, { companyId, agreementId });
  if (agreement === null) {
    const message = 'You have no such agreement. Check its id.';
    return refuse('AGREEMENT_NOT_FOUND', message, ['agreementId']);
  }
  const at = readAt(input.atMs, nowMs);
  if (!at.ok) return at;
  const { validFrom, validTo } = agreement;
  if (validFrom.getTime() >= at.value || (validTo !== null && validTo.getTime() <= at.value)) {
    const message = `The agreement is not in force at ${instantText(at.value)}. Check its dates.`;
    return refuse('AGREEMENT_NOT_IN_FORCE', message, ['at']);
  }
  if (agreement.mode === mode) {
    return refuse('MODE_UNCHANGED', `The agreement is ${mode} already.`, ['mode']);
  }
  const tariff = await refuseTariff(tx, agreement, input);
  if (!tariff.ok) return tariff;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [agreement.accountId] });
  assert(account !== undefined, 'the account of an agreement is there');
  const levels = levelsOf(input, agreement, account);
  if (!levels.ok) return levels;
  return accept({ agreement, account, atMs: at.value, levels: levels.value });
}

/**
 * An account goes from paying before to paying after, or back, within a month: the agreement ends
 * at a quarter hour to come and another one of the same place and tariff begins. Nothing is posted
 * for it. The balance is the account's and goes on; each quarter hour is of one of the two bills.
 */
export async function changeMode(
  deps: RequestDeps,
  viewer: Viewer,
  input: ChangeModeInput,
): Promise<Outcome<ChangedMode, ChangeModeCode>> {
  const { idempotencyKey, agreementId, mode, reason } = input;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<ChangeModeCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.changeAgreementMode',
      action: 'agreement.changeMode',
      idempotencyKey,
      input: [
        String(agreementId),
        mode,
        String(input.atMs),
        input.balanceLimit ?? '',
        input.reconnectLevel ?? '',
      ],
      reason,
    },
    async (tx, nowMs) => {
      // A rating commit underway could close a bill meanwhile.
      await holdPrices(tx);
      const prepared = await prepare(tx, companyId, { input, nowMs });
      if (!prepared.ok) return prepared;
      const { agreement, account, atMs, levels } = prepared.value;
      const { id: endedId, accountId, zone, servicePointId } = agreement;
      const change = { endedId, mode, ...levels, atMs, nowMs, actor };
      const nextId = await insertModeChange(tx, change);
      if (mode === 'prepaid') await armAll(tx, accountId);
      // The bill of the month is shorter now: what goes by its days is worked out again.
      await insertAgreementDuties(tx, {
        companyId,
        servicePointIds: [servicePointId],
        fromMs: billingPeriodAt(zone, atMs).startMs,
        reason: 'agreement_added',
      });
      const at = instantText(atMs);
      const told = { mode, at, agreementId: endedId, nextAgreementId: nextId };
      const subjects = [{ ...companySubject, accountId }];
      const detail = { what: 'mode_change', ...told };
      const news = { companyId, kind: 'notice', atMs: nowMs, subjects, detail } as const;
      const balanceMicros = [account.balanceMicros];
      await appendEvent(tx, plainEvent({ ...news, balanceMicros }));
      const balance = money(account.balanceMicros, account);
      return accept({
        answer: { endedId: String(endedId), nextId: String(nextId), atMs: String(atMs) },
        subject: `account/${accountId}`,
        before: { mode: agreement.mode, agreementId: endedId, balance },
        after: {
          ...told,
          balanceLimit: money(levels.balanceLimitMicros, account),
          reconnectLevel: money(levels.reconnectMicros, account),
        },
      });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    deps.wake({ kind: 'events', shard: eventShardOf(companyId) });
    deps.wake({ kind: 'rating' });
  }
  return accept({
    endedId: Number(textOf(answer, 'endedId')),
    nextId: Number(textOf(answer, 'nextId')),
    atMs: Number(textOf(answer, 'atMs')),
    isReplay,
  });
}
