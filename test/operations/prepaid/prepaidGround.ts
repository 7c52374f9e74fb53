import { randomUUID } from 'node:crypto';
import { parseAgreementId } from '../../../src/domain/ids.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import type { TariffText } from '../../../src/domain/tariff/shape.ts';
import { beginModes } from '../../../src/operations/prepaid/beginModes.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { bills } from '../billsGround.ts';
import { makeChannel } from '../payments/paymentGround.ts';
import { openPolicy, publishForTest } from '../smallFleet.ts';

/** A fleet whose accounts can buy credit, with the clock at an instant. */
export async function prepaidWorld(
  name: string,
  given: { document: TariffText; fleet: (plain: Fleet) => Fleet; atMs: number },
) {
  const ground = await bills(name, given.document, given.fleet);
  const { sql } = ground.database;
  const { companyId, accounts } = ground.registered;
  await publishForTest(sql, companyId, openPolicy);
  const known = await sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel({ writer: ground.database }, { companyId, name: 'counter', kind: 'counter' });
  }
  ground.clock.set(given.atMs);
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => undefined };
  const operator: Viewer = { ...ground.viewer, role: 'operator' };
  const accountOf = (number: string) => {
    const id = accounts.get(number);
    if (id === undefined) throw new Error('the fleet has the account');
    return id;
  };
  return {
    ground,
    deps,
    operator,
    accountOf,
    /** The account's newest. */
    async agreementOf(number: string) {
      const [row] = await sql<{ id: number }[]>`
        select id from agreement where account_id = ${accountOf(number)} order by id desc limit 1`;
      const id = parseAgreementId(row?.id);
      if (!id.ok) throw new Error('the account has an agreement');
      return id.value;
    },
    async buy(number: string, amount: string) {
      const request = { idempotencyKey: randomUUID(), accountId: accountOf(number) };
      const done = await topUp(deps, operator, { ...request, amount, currency: 'EUR' });
      if (!done.ok) throw new Error(done.message);
    },
    async balance(number: string) {
      const [row] = await sql<{ micros: bigint }[]>`
        select balance_micros as micros from account_balance
        where account_id = ${accountOf(number)}`;
      return row?.micros;
    },
    begin: () =>
      beginModes({ sql: ground.database.sql, clock: ground.clock, wake: () => undefined }),
  };
}
