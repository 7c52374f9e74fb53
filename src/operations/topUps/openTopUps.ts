import { insertAudit } from '../../db/audit.ts';
import {
  chargedOn,
  countBreach,
  findAutoTopUp,
  findDueTopUps,
  isUnderway,
} from '../../db/autoTopUps.ts';
import type { Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { readPrepaidAccount } from '../../db/prepaidLife.ts';
import { insertCall } from '../../db/providerCalls.ts';
import { topUpsPerRoundMax } from '../../domain/payment/limits.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart, pagesOf } from '../eachApart.ts';
import { localDayAt } from '../prepaid/recoverDebt.ts';
import type { ChargeDeps } from './chargeCall.ts';

type Due = { readonly accountId: number; readonly companyId: number };

/** Writes one charge down when the order still wants it, under the account's lock. */
async function openTopUp(
  tx: Transaction,
  { accountId, companyId }: Due,
  nowMs: number,
): Promise<void> {
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const order = await findAutoTopUp(tx, accountId);
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (order === null || !order.isActive || account === null) return;
  if (account.mode !== 'prepaid' || account.zone === null) return;
  if (account.balanceMicros - account.reservedMicros >= order.belowMicros) return;
  if (await isUnderway(tx, accountId)) return;
  const { amountMicros, channelId, instrument } = order;
  const localDay = localDayAt(account.zone, nowMs);
  const today = await chargedOn(tx, { accountId, localDay });
  if (today + amountMicros > order.dailyMaxMicros) return;
  const breach = order.breaches + 1;
  await countBreach(tx, accountId);
  const id = derivedId('auto_top_up', String(accountId), String(breach));
  await insertCall(tx, {
    id,
    companyId,
    channelId,
    kind: 'charge',
    accountId,
    breach,
    instrument,
    localDay,
    amountMicros,
    currency: account.currency,
    askedAtMs: nowMs,
    nextTryAtMs: nowMs,
  });
  await insertAudit(tx, {
    id: derivedId('audit', id),
    companyId,
    atMs: nowMs,
    actor: 'auto top-up',
    action: 'autoTopUp.charge',
    subject: `account/${accountId}`,
    before: { balanceMicros: account.balanceMicros.toString() },
    after: { breach, amountMicros: amountMicros.toString() },
  });
}

/** Writes down what standing orders are to be charged now: one a breach, so much in a local day. */
export async function openTopUps({ sql, clock }: Pick<ChargeDeps, 'sql' | 'clock'>): Promise<void> {
  const limit = topUpsPerRoundMax;
  // By pages: those that have had their day's most stay due until the day is over.
  const orders = pagesOf<Due>(limit, (last) =>
    findDueTopUps(sql, { after: last?.accountId ?? 0, limit }),
  );
  await eachApart(orders, async (due) => {
    await sql.begin((tx) => openTopUp(tx, due, clock.nowMs()));
  });
}
