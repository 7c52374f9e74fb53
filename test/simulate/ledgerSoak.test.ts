import postgres from 'postgres';
import { expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { ledgerSoak } from './ledgerSoak.ts';

const soak = { operations: 2_000, accounts: 20, connections: 4, onProgress: () => {} };

test('domain rules 75, 77: 2,000 random operations with kills between leave no micro', async () => {
  const { url } = await freshDatabase('ledger_soak');
  const outcome = await ledgerSoak({ ...soak, url, seed: 1 });
  expect(outcome.breaches).toEqual([]);
  expect(outcome.operations).toBe(2_000);
  expect(outcome.transfers).toBeGreaterThan(1_000);
});

test('planted: a trigger that skims a micro off a balance is found by the model', async () => {
  const { url } = await freshDatabase('ledger_skim');
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  await owner.unsafe(`
    create function skim() returns trigger language plpgsql as $$ begin
      if new.account_id = 7 and new.balance_micros > old.balance_micros then
        new.balance_micros := new.balance_micros - 1;
      end if;
      return new;
    end $$;
    create trigger skim before update on account_balance for each row execute function skim()`);
  await owner.end();
  const outcome = await ledgerSoak({ ...soak, url, seed: 2, operations: 400 });
  expect(outcome.breaches).toContain('BALANCE_NOT_ITS_ENTRIES account/7');
});
