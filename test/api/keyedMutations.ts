import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { viewerOf } from './world.ts';
import type { World } from './world.ts';

/** What every mutation with a key promises, tested over HTTP by its own words. */
export type Case = {
  readonly name: string;
  readonly inputType?: string;
  readonly payload?: string;
  /** Besides isReplay. */
  readonly fields: string;
  input(): object;
  readonly expected: object;
  /** Another content under the same key. */
  readonly other: object;
  /** What another company is told of the same input; null: it would do it in its own house. */
  readonly foreign: string | null;
  readonly bad: readonly (readonly [object, string])[];
};

const administrator = viewerOf('administrator');
const stranger = viewerOf('administrator', { company: 2 });

/** All that these mutations may change. */
async function totals(world: World): Promise<unknown> {
  const [row] = await world.writer.sql`
    select (select sum(balance_micros) from account_balance)::text as balances,
           (select count(*)::int4 from transfer) as transfers,
           (select count(*)::int4 from command) as commands,
           (select count(*)::int4 from debt_plan) as plans,
           (select count(*)::int4 from emergency_credit) as loans,
           (select count(*)::int4 from voucher_end) as vouchers,
           (select count(*)::int4 from approval) as approvals,
           (select count(*)::int4 from protection) as protections,
           (select count(*)::int4 from protection_end) as ends,
           (select count(*)::int4 from weather_advisory) as advisories,
           (select count(*)::int4 from work_order_end) as orders,
           (select count(*)::int4 from prepaid_policy) as policies,
           (select count(*)::int4 from account_policy) as accounts,
           (select count(*)::int4 from idempotency_key) as keys`;
  return row;
}

type Said = Record<string, unknown>;

async function say(world: World, one: Case, viewer: Viewer, input: object): Promise<Said> {
  const { name, fields } = one;
  const upper = name.slice(0, 1).toUpperCase() + name.slice(1);
  const query = `mutation ($input: ${one.inputType ?? `${upper}Input`}!) {
    ${name}(input: $input) { ... on UserError { code }
      ... on ${one.payload ?? `${upper}Payload`} { isReplay ${fields} } } }`;
  const { body } = await world.post(viewer, { query, variables: { input } });
  // As it came: the expectation shows what it is.
  const data = body['data'] as Record<string, Said> | undefined;
  return data?.[name] ?? body;
}

export function describeKeyed(cases: readonly Case[], worldNow: () => World): void {
  describe.each(cases)('$name', (one) => {
    const idempotencyKey = randomUUID();

    test('is done once for its key', async () => {
      const world = worldNow();
      const input = { ...one.input(), idempotencyKey };
      const first = await say(world, one, administrator, input);
      expect(first).toMatchObject({ ...one.expected, isReplay: false });
      const after = await totals(world);
      const again = await say(world, one, administrator, input);
      expect(again).toMatchObject({ ...one.expected, isReplay: true });
      const other = await say(world, one, administrator, { ...input, ...one.other });
      expect(other).toEqual({ code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(await totals(world)).toEqual(after);
    });

    test('what is wrong is refused with its code and changes nothing', async () => {
      const world = worldNow();
      const before = await totals(world);
      const tries: readonly (readonly [Viewer, object, string])[] = [
        ...one.bad.map(([change, code]) => [administrator, change, code] as const),
        ...(one.foreign === null ? [] : [[stranger, {}, one.foreign] as const]),
      ];
      for (const [viewer, change, code] of tries) {
        const input = { ...one.input(), ...change, idempotencyKey: randomUUID() };
        expect(await say(world, one, viewer, input)).toEqual({ code });
      }
      expect(await totals(world)).toEqual(before);
    });
  });
}
