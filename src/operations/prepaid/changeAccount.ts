import { appendEvent, companySubject, plainEvent } from '../../db/events.ts';
import type { Json } from '../../db/events.ts';
import type { Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import type { ChangedAgreement } from '../../db/modeChanges.ts';
import { readVersions } from '../../db/ratingInputs.ts';
import { holdPrices } from '../../db/tariffVersions.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import type { AccountId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import { refusePrepaid } from '../../domain/tariff/prepaid.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { sameAmount } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';
import {
  beginNext,
  findToChange,
  keptSuccession,
  levelsOf,
  plainMoney,
  tellSuccession,
} from './agreementChange.ts';
import type {
  AgreementChange,
  AgreementChangeCode,
  Levels,
  Succession,
} from './agreementChange.ts';

export type ChangeAccountInput = AgreementChange & {
  /** Who has the place from then on: the next tenant, or the landlord while it is vacant. */
  readonly accountId: AccountId;
};

export type ChangeAccountCode =
  | StaffCode
  | AgreementChangeCode<'ACCOUNT'>
  | 'ACCOUNT_NOT_FOUND'
  | 'ACCOUNT_UNCHANGED'
  | 'CURRENCY_MISMATCH'
  | 'PREPAID_UNSUPPORTED';

type Asked = {
  readonly agreement: ChangedAgreement;
  readonly leaving: AccountHead;
  readonly coming: AccountHead;
  readonly atMs: number;
  readonly levels: Levels;
};

async function findBoth(
  tx: Transaction,
  companyId: number,
  of: { readonly leavingId: number; readonly comingId: AccountId },
): Promise<Outcome<Pick<Asked, 'leaving' | 'coming'>, 'ACCOUNT_NOT_FOUND' | 'CURRENCY_MISMATCH'>> {
  const accounts = await lockAccounts(tx, { companyId, accountIds: [of.leavingId, of.comingId] });
  const leaving = accounts.find(({ accountId }) => accountId === of.leavingId);
  const coming = accounts.find(({ accountId }) => accountId === of.comingId);
  assert(leaving !== undefined, 'the account of an agreement is there');
  if (coming === undefined) {
    return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check its id.', ['accountId']);
  }
  if (coming.currency !== leaving.currency) {
    const message =
      `The place's tariff is in ${leaving.currency}, this account in ${coming.currency}. ` +
      'Give an account in the currency of the tariff.';
    return refuse('CURRENCY_MISMATCH', message, ['accountId']);
  }
  return accept({ leaving, coming });
}

async function prepare(
  tx: Transaction,
  companyId: number,
  { input, nowMs }: { readonly input: ChangeAccountInput; readonly nowMs: number },
): Promise<Outcome<Asked, ChangeAccountCode>> {
  const found = await findToChange(tx, companyId, { what: 'ACCOUNT', input, nowMs });
  if (!found.ok) return found;
  const { agreement, atMs } = found.value;
  if (agreement.accountId === input.accountId) {
    const message = 'The agreement is of this account already. Give the one that comes.';
    return refuse('ACCOUNT_UNCHANGED', message, ['accountId']);
  }
  if (input.mode === 'prepaid') {
    for (const { document } of await readVersions(tx, [agreement.tariffId])) {
      const parsed = parseTariffDocument(document);
      const unsupported = parsed.ok ? refusePrepaid(parsed.value) : null;
      if (unsupported !== null) return unsupported;
    }
  }
  const of = { leavingId: agreement.accountId, comingId: input.accountId };
  const both = await findBoth(tx, companyId, of);
  if (!both.ok) return both;
  const levels = levelsOf(input, agreement, both.value.coming);
  if (!levels.ok) return levels;
  return accept({ agreement, ...both.value, atMs, levels: levels.value });
}

/** Each of the two is told of its own agreement, and nothing of the other's. */
async function tell(
  tx: Transaction,
  { accountId, companyId, balanceMicros }: AccountHead,
  told: { readonly detail: { readonly [key: string]: Json }; readonly nowMs: number },
): Promise<void> {
  const block = plainEvent({
    companyId,
    kind: 'notice',
    atMs: told.nowMs,
    subjects: [{ ...companySubject, accountId }],
    detail: told.detail,
    balanceMicros: [balanceMicros],
  });
  await appendEvent(tx, block);
}

/**
 * A place passes from one account to another: the agreement ends at a quarter hour to come, and
 * another one of the same place and tariff begins. Nothing is posted for it: each quarter hour is
 * of one of the two bills, and each balance stays with its account (`payOutAccount`).
 */
export async function changeAccount(
  deps: RequestDeps,
  viewer: Viewer,
  input: ChangeAccountInput,
): Promise<Outcome<Succession, ChangeAccountCode>> {
  const { idempotencyKey, agreementId, accountId, mode, reason } = input;
  const { companyId, actor } = viewer;
  const outcome = await staffChange<ChangeAccountCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.changeAgreementAccount',
      action: 'agreement.changeAccount',
      idempotencyKey,
      input: [
        String(agreementId),
        String(accountId),
        mode,
        String(input.atMs),
        sameAmount(input.balanceLimit ?? ''),
        sameAmount(input.reconnectLevel ?? ''),
      ],
      reason,
    },
    async (tx, nowMs) => {
      // A rating commit underway could close a bill meanwhile.
      await holdPrices(tx);
      const prepared = await prepare(tx, companyId, { input, nowMs });
      if (!prepared.ok) return prepared;
      const { agreement, leaving, coming, atMs, levels } = prepared.value;
      const next = { accountId, mode, ...levels, atMs, nowMs, actor };
      const nextId = await beginNext(tx, agreement, next);
      const endedId = agreement.id;
      const at = instantText(atMs);
      const left = { what: 'place_left', at, agreementId: endedId };
      await tell(tx, leaving, { detail: left, nowMs });
      await tell(tx, coming, {
        detail: { what: 'place_taken', at, agreementId: nextId, mode },
        nowMs,
      });
      return accept({
        answer: keptSuccession({ endedId, nextId, atMs }),
        subject: `account/${leaving.accountId}`,
        before: {
          accountId: leaving.accountId,
          mode: agreement.mode,
          agreementId: endedId,
          balance: plainMoney(leaving.balanceMicros, leaving),
        },
        after: {
          accountId,
          mode,
          at,
          agreementId: endedId,
          nextAgreementId: nextId,
          balance: plainMoney(coming.balanceMicros, coming),
        },
      });
    },
  );
  if (!outcome.ok) return outcome;
  return accept(tellSuccession(deps, companyId, outcome.value));
}
