import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../../src/db/ledger.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { doctorChecks } from '../../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../../src/operations/doctor/runDoctor.ts';
import { applyPaymentEvent } from '../../../src/operations/payments/applyPaymentEvent.ts';
import type { PaymentEvent } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { registerFleet } from '../../../src/operations/registerFleet.ts';
import { openGround, smallFleet, startMs } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

export type PaymentGround = Ground & {
  /** A card channel of the company, in EUR. */
  readonly channelId: number;
  event(part: Partial<PaymentEvent>): PaymentEvent;
  hear(part: Partial<PaymentEvent>): ReturnType<typeof applyPaymentEvent>;
  balance(number: string): Promise<bigint>;
  /** Of the company's ledger accounts, credits above debits. */
  standing(code: string): Promise<bigint>;
  trialBalance(): Promise<bigint>;
  /** What the doctor finds wrong in the whole database. */
  findings(): Promise<readonly string[]>;
  /** Energy that was used. */
  spend(number: string, amountMicros: bigint): Promise<void>;
};

export async function makeChannel(
  ground: Pick<Ground, 'writer'>,
  channel: { companyId: number; name: string; kind: string; currency?: string; settings?: object },
): Promise<number> {
  const { companyId, name, kind, currency = 'EUR', settings = {} } = channel;
  const [row] = await ground.writer.sql<{ id: number }[]>`
    insert into payment_channel (company_id, name, kind, currency, settings)
    values (${companyId}, ${name}, ${kind}, ${currency}, ${JSON.stringify(settings)}::text::jsonb)
    returning id`;
  if (row === undefined) throw new Error('the channel was not made');
  return row.id;
}

/** A second company with the same numbers of accounts. */
export async function secondCompany(ground: Ground) {
  const fleet = smallFleet('South Grid');
  const { publicKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const edges = fleet.edges.map((edge) => ({ ...edge, publicKeys: [key] }));
  const deps = { sql: ground.writer.sql, clock: ground.clock };
  const registered = await registerFleet(deps, { ...fleet, edges });
  if (!registered.ok) throw new Error(registered.message);
  return registered.value;
}

export async function openPayments(name: string, settings: object = {}): Promise<PaymentGround> {
  const ground = await openGround(name);
  const { companyId } = ground.fleet;
  const channelId = await makeChannel(ground, {
    companyId,
    name: 'card',
    kind: 'stripe',
    settings,
  });
  const viewer: Viewer = { ...ground.viewer('operator'), actor: 'channel:card' };
  const event = (part: Partial<PaymentEvent>): PaymentEvent => {
    const eventId = part.eventId ?? randomUUID();
    return {
      companyId,
      channelId,
      eventId,
      reference: 'pi_1',
      accountId: ground.account('A-1'),
      currency: 'EUR',
      kind: 'captured',
      totalMicros: 20_000_000n,
      occurredAtMs: startMs,
      receivedAtMs: startMs,
      bodyHash: createHash('sha256').update(eventId).digest(),
      actor: viewer.actor,
      ...part,
    };
  };
  return {
    ...ground,
    channelId,
    event,
    hear: (part) => asViewer(ground.api.sql, viewer, (tx) => applyPaymentEvent(tx, event(part))),
    async balance(number) {
      const [row] = await ground.writer.sql<{ balance: bigint; entries: bigint }[]>`
        select b.balance_micros as balance,
               (select coalesce(sum(e.amount_micros), 0)::int8 from ledger_entry e
                join ledger_account l on l.id = e.ledger_account_id and l.code = 'customer'
                where l.account_id = b.account_id) as entries
        from account_balance b where b.account_id = ${ground.account(number)}`;
      if (row === undefined || row.balance !== row.entries) {
        throw new Error(`balance ${row?.balance} is not the sum of the entries ${row?.entries}`);
      }
      return row.balance;
    },
    async standing(code) {
      const [row] = await ground.writer.sql<{ micros: bigint }[]>`
        select coalesce(sum(e.amount_micros), 0)::int8 as micros from ledger_entry e
        join ledger_account l on l.id = e.ledger_account_id
        where l.code = ${code} and l.company_id = ${companyId}`;
      return row?.micros ?? 0n;
    },
    async findings() {
      const deps = { sql: ground.writer.sql, nowMs: ground.clock.nowMs(), onStep: () => {} };
      const checked = await runDoctor(deps, doctorChecks);
      return checked.flatMap(({ findings }) => findings.map((f) => `${f.code} ${f.subject}`));
    },
    async spend(number, amountMicros) {
      const accountId = ground.account(number);
      await ground.writer.sql.begin(async (tx) => {
        await lockAccounts(tx, { companyId, accountIds: [accountId] });
        const of = { companyId, currency: 'EUR' };
        await postTransfer(tx, {
          ...of,
          id: randomUUID(),
          accountId,
          debitId: await findLedgerAccount(tx, { ...of, code: 'customer', accountId }),
          creditId: await findLedgerAccount(tx, { ...of, code: 'energy_revenue' }),
          amountMicros,
          code: 'energy',
          postedAtMs: startMs,
        });
      });
    },
    async trialBalance() {
      const [row] = await ground.writer.sql<{ micros: bigint }[]>`
        select coalesce(sum(amount_micros), 0)::int8 as micros from ledger_entry`;
      return row?.micros ?? -1n;
    },
  };
}
