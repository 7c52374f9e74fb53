import { expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import type { Books } from './auditor.ts';
import { findHeldBreach } from './heldRows.ts';
import { findBreaches, findQuietBreaches, readBacklog, readPosted } from './invariants.ts';
import type { Admin, Reader } from './invariants.ts';
import { simulate } from './run.ts';
import { findCommandBreaches } from './supplyRules.ts';
import { findSeriesBreach, findUnreadCharge } from './seriesChecks.ts';

/** A world in which each kind of row below exists when it is over. */
const seed = 3;

async function codesOf(reader: Reader, books: Books): Promise<readonly string[]> {
  const told = [
    ...(await findBreaches(reader)),
    ...(await readBacklog(reader)),
    ...(await findQuietBreaches(reader)),
    ...(await findCommandBreaches(reader)),
  ];
  // A series of which the tables alone say that it is broken is not walked.
  if (told.length > 0) return told.map(({ code }) => code);
  const { breach } = await findSeriesBreach(reader, books);
  const found = [await findHeldBreach(reader, books), breach];
  return found.flatMap((breach) => (breach === null ? [] : [breach.code]));
}

class Undone extends Error {}

/** What the checks say of a changed world, which is as it was afterwards. */
async function planted(admin: Admin, books: Books, change: string): Promise<readonly string[]> {
  let codes: readonly string[] = [];
  const run = admin.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(change);
    codes = await codesOf(tx, books);
    throw new Undone();
  });
  await run.catch((error: unknown) => {
    if (!(error instanceof Undone)) codes = [String(error)];
  });
  return codes;
}

const anyQuarantined = 'select hash, code from batch_quarantine order by hash, code limit 1';

/** What is done to the tables, by whom no application could; and the check that must find it. */
const plants: readonly (readonly [string, string])[] = [
  ['BALANCE_NOT_ITS_ENTRIES', 'update account_balance set balance_micros = balance_micros + 1'],
  ['CHARGE_NOT_ITS_TRANSFERS', 'update charge set amount_micros = amount_micros + 1'],
  ['EVENTS_NOT_THEIR_CHARGES', 'update charge set amount_micros = amount_micros + 1'],
  ['EVENTS_HAVE_GAPS', 'update event_head set sequence = sequence + 1'],
  ['CURSOR_BEYOND_LOG', 'update rating_cursor set position = position + 1'],
  ['LOG_HAS_GAPS', 'update log_head set position = position + 1'],
  ['GUARD_WITHOUT_BATCH', 'update batch_guard set sequence = sequence + 1000'],
  ['PROGRESS_NOT_ITS_BATCHES', 'update edge_progress set contiguous = contiguous + 1'],
  [
    'SERIES_ROW_TWICE',
    `alter table series_day drop constraint series_day_pkey;
     insert into series_day select * from series_day limit 1`,
  ],
  ['REFUSAL_NOT_AUDITED', `delete from batch_quarantine where (hash, code) in (${anyQuarantined})`],
  ['REFUSAL_NOT_AUDITED', `delete from audit_entry where action = 'batch.refuse'`],
  ['EXCEPTION_NOT_AUDITED', `delete from audit_entry where action = 'batch.note'`],
  ['TAKEN_FROM_NOWHERE', 'update exception_resolution set row = row + 1000'],
  [
    'CORRECTION_NOT_ONE_BATCH',
    `insert into quarantine_resolution (hash, code, kind, actor, reason, resolved_at)
     select hash, code || ' twice', 'corrected', 'planted', 'planted', now()
     from batch_quarantine limit 1`,
  ],
  ['BATCHES_NOT_RATED', 'update rating_cursor set position = position - 1 where position > 0'],
  [
    'DUTY_LEFT',
    `insert into rerate_duty (company_id, meter_id, from_day, reason, log_shard)
     select company_id, id, 0, 'register_marked', 0 from meter limit 1`,
  ],
  [
    'VALIDATION_LEFT',
    `insert into vee_duty (meter_id, company_id, from_at, log_shard)
     select id, company_id, now(), 0 from meter`,
  ],
  ['BATCH_SET_ASIDE', `update batch_quarantine set code = 'RATING_FAILED'`],
  [
    'CHARGE_OF_WRONG_VERSION',
    `update tariff_version set valid_from = valid_from + interval '90 years'`,
  ],
  [
    'CHARGE_OF_WRONG_VERSION',
    `update agreement set valid_from = '2019-01-01Z', valid_to = '2020-01-01Z'`,
  ],
  ['TWO_OPEN_COMMANDS', `drop index command_open; update command set state = 'requested'`],
  ['CUT_UNCERTIFIED', `delete from command_certificate where stage = 'sent'`],
  ['VERIFIED_UNSENT', `delete from command_step where state = 'acknowledged'`],
  [
    'ROW_HELD_WRONG',
    `delete from reading_exception x where code = 'METER_UNKNOWN' and not exists (
       select from exception_resolution r
       where (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
           = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row))`,
  ],
  ['ROW_HELD_WRONG', 'delete from reading_exception where is_event'],
  [
    'ROW_HELD_WRONG',
    `update reading_exception set code = 'CLOCK_DRIFT' where code = 'METER_UNKNOWN'`,
  ],
  [
    'SERIES_NOT_ITS_READINGS',
    'delete from series_day where channel = 1 and day = (select max(day) from series_day)',
  ],
  [
    'SERIES_OF_NOBODY',
    'update series_day set meter_id = 9999 where meter_id = (select min(meter_id) from series_day)',
  ],
];

test('every check finds what is planted for it, and nothing in the world as it is', async () => {
  const database = await freshDatabase('simulate_invariants');
  const found: (readonly [string, readonly string[]])[] = [];
  let first: readonly string[] = ['never looked'];
  const outcome = await simulate({
    url: database.url,
    seed,
    steps: 60,
    inspect: async ({ admin, books }) => {
      first = await codesOf(admin, books);
      for (const [code, change] of plants) {
        const codes = await planted(admin, books, change);
        found.push([change, codes.includes(code) ? [] : codes]);
      }
    },
  });
  expect(outcome.ok ? '' : outcome.message).toBe('');
  expect(first).toEqual([]);
  expect(found).toEqual(plants.map(([, change]) => [change, []]));
  await database.drop();
});

test('a charge is seen that moved although everything had been rated', async () => {
  const database = await freshDatabase('simulate_posted');
  const said: string[] = [];
  const outcome = await simulate({
    url: database.url,
    seed,
    steps: 30,
    inspect: async ({ admin }) => {
      said.push(await readPosted(admin));
      await admin`update charge set amount_micros = amount_micros + 1`;
      said.push(await readPosted(admin));
    },
  });
  expect(outcome).toMatchObject({ ok: true });
  expect(said[0]).not.toBe(said[1]);
  await database.drop();
});

test('energy that is charged where nothing was read is found', () => {
  const aMay = Date.UTC(2026, 4, 1);
  const agreement = { agreementId: 7, accountId: 1, tariffId: 1, validFromMs: 0, validToMs: null };
  const books: Books = {
    batches: [],
    taken: new Set(),
    meters: [],
    agreements: [{ ...agreement, servicePoint: 'point 1' }],
    versions: [],
    accountIds: [],
    accruals: new Map(),
    idle: new Map(),
    payments: [],
  };
  const charged = (said: string) => findUnreadCharge(books, new Map([[`7/1/${aMay}/3`, said]]));
  expect(charged('1000 300000')).toMatchObject({ code: 'CHARGE_WITHOUT_READING' });
  // A standing charge alone needs no reading.
  expect(charged('0 300000')).toBeNull();
});
