import { appendEvent, companySubject, plainEvent } from '../../db/events.ts';
import type { ChangedAgreement } from '../../db/modeChanges.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import type { Statement, Transaction } from '../../db/connect.ts';
import { readVersions } from '../../db/ratingInputs.ts';
import { holdPrices } from '../../db/tariffVersions.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { carries } from '../../domain/tariff/carries.ts';
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

export type ChangeModeInput = AgreementChange;

export type ChangeModeCode =
  | StaffCode
  | AgreementChangeCode<'MODE'>
  | 'MODE_UNCHANGED'
  | 'MODE_CHANGE_CARRIES'
  | 'PREPAID_UNSUPPORTED';

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
  const { mode } = input;
  const found = await findToChange(tx, companyId, { what: 'MODE', input, nowMs });
  if (!found.ok) return found;
  const { agreement, atMs } = found.value;
  if (agreement.mode === mode) {
    return refuse('MODE_UNCHANGED', `The agreement is ${mode} already.`, ['mode']);
  }
  const tariff = await refuseTariff(tx, agreement, input);
  if (!tariff.ok) return tariff;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [agreement.accountId] });
  assert(account !== undefined, 'the account of an agreement is there');
  const levels = levelsOf(input, agreement, account);
  if (!levels.ok) return levels;
  return accept({ agreement, account, atMs, levels: levels.value });
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
): Promise<Outcome<Succession, ChangeModeCode>> {
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
      const { agreement, account, atMs, levels } = prepared.value;
      const { id: endedId, accountId } = agreement;
      const nextId = await beginNext(tx, agreement, {
        accountId,
        mode,
        ...levels,
        atMs,
        nowMs,
        actor,
      });
      const at = instantText(atMs);
      const told = { mode, at, agreementId: endedId, nextAgreementId: nextId };
      const subjects = [{ ...companySubject, accountId }];
      const detail = { what: 'mode_change', ...told };
      const news = { companyId, kind: 'notice', atMs: nowMs, subjects, detail } as const;
      const balanceMicros = [account.balanceMicros];
      await appendEvent(tx, plainEvent({ ...news, balanceMicros }));
      const balance = plainMoney(account.balanceMicros, account);
      return accept({
        answer: keptSuccession({ endedId, nextId, atMs }),
        subject: `account/${accountId}`,
        before: { mode: agreement.mode, agreementId: endedId, balance },
        after: {
          ...told,
          balanceLimit: plainMoney(levels.balanceLimitMicros, account),
          reconnectLevel: plainMoney(levels.reconnectMicros, account),
        },
      });
    },
  );
  if (!outcome.ok) return outcome;
  return accept(tellSuccession(deps, companyId, outcome.value));
}
