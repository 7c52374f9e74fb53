import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/db/connect.ts';
import {
  certificates,
  commands,
  protectedCuts,
  stoppedCuts,
  supplies,
} from '../../../src/operations/doctor/commands.ts';
import { reviewSupply } from '../../../src/operations/reviewSupply.ts';
import { sendCommand } from '../../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../../src/operations/sendCommand.ts';
import { openGround, startMs } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

let ground: Ground;
let owner: postgres.Sql<{ bigint: bigint }>;
let cut = '';

/** A device that does what it is told. */
const obedient: CommandLink = {
  writeSwitch: () => Promise.resolve({ ok: true, value: { acknowledgedAtMs: startMs } }),
  verifySwitch: () => Promise.resolve({ ok: true, value: { verifiedAtMs: startMs, powerW: 0n } }),
  writeLimit: () => Promise.resolve({ ok: true, value: { acknowledgedAtMs: startMs } }),
  verifyLimit: () => Promise.resolve({ ok: true, value: { verifiedAtMs: startMs, powerW: null } }),
};

beforeAll(async () => {
  ground = await openGround('doctor_commands');
  owner = postgres(ground.url, {
    max: 1,
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
  });
  const { sql } = ground.writer;
  const { companyId } = ground.fleet;
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(startMs)}, 0 from meter`;
  const accountIds = [ground.account('A-1')];
  const nowMs = ground.clock.nowMs();
  const review = await sql.begin((tx) => reviewSupply(tx, { companyId, accountIds, nowMs }));
  [cut = ''] = review.requested;
  const deps = { sql, clock: ground.clock, wake: () => {}, link: obedient };
  expect(await sendCommand(deps, cut)).toMatchObject({ state: 'verified' });
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

const lookedMs = startMs + 3_600_000;
const justNow = new Date(lookedMs - 1_000);

async function lookIn(tx: Transaction): Promise<string[]> {
  const found: string[] = [];
  for (const check of [commands, certificates, protectedCuts, stoppedCuts, supplies]) {
    const context = { tx, nowMs: lookedMs, onProgress: () => {} };
    for await (const { code, subject } of check.find(context)) found.push(`${code} ${subject}`);
  }
  return found;
}

class Undone extends Error {}

/** As the owner with the triggers off, looked at and taken back. */
async function plant(damage: (tx: Transaction) => Promise<unknown>): Promise<readonly string[]> {
  let found: string[] = [];
  await owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await damage(tx);
      found = await lookIn(tx);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return found;
}

test('commands that went as they should have no finding', async () => {
  expect(await plant(() => Promise.resolve())).toEqual([]);
});

/** Recorded so long before the cut was requested. */
function protect(tx: Transaction, beforeMs: number) {
  return tx`
    insert into protection (id, company_id, account_id, kind, from_at, reason, recorded_at,
                            recorded_by)
    select gen_random_uuid(), company_id, account_id, 'medical', requested_at, 'x',
           requested_at - ${beforeMs} * interval '1 millisecond', 'test'
    from command where id = ${cut}`;
}

type Case = [string, string, (tx: Transaction) => Promise<unknown>];

const ofCommands: Case[] = [
  [
    'a second end',
    'COMMAND_ENDED_TWICE',
    (tx) => tx`
        insert into command_step (command_id, ordinal, company_id, account_id, state, at, detail)
        select command_id, 99, company_id, account_id, state, at, 'again' from command_step
        where command_id = ${cut} and state = 'verified'`,
  ],
  [
    'a state that no step tells',
    'COMMAND_STATE_UNTOLD',
    (tx) => tx`update command set state = 'failed' where id = ${cut}`,
  ],
  [
    'a cut without its reason',
    'COMMAND_WITHOUT_CERTIFICATE',
    (tx) => tx`delete from command_certificate where command_id = ${cut} and stage = 'requested'`,
  ],
  [
    'a cut that was not decided again',
    'CUT_SENT_UNDECIDED',
    (tx) => tx`delete from command_certificate where command_id = ${cut} and stage = 'sent'`,
  ],
  [
    'a cut against a rule',
    'CUT_AGAINST_A_RULE',
    (tx) => tx`
        update command_certificate
        set document = jsonb_set(document, '{findings,0,prevents}', 'true')
        where command_id = ${cut}`,
  ],
  [
    'a cut that was sent too late',
    'SENT_TOO_LATE',
    (tx) => tx`update command set not_after = ${new Date(startMs - 1)} where id = ${cut}`,
  ],
  [
    'a verified cut without its change',
    'VERIFIED_WITHOUT_CHANGE',
    (tx) => tx`delete from supply_change where command_id = ${cut}`,
  ],
  ['a protected customer who was cut by itself', 'PROTECTED_WAS_CUT', (tx) => protect(tx, 1)],
  [
    'a certificate that was rewritten',
    'CERTIFICATE_HASH_WRONG',
    (tx) => tx`
        update command_certificate set document = document || '{"reason": "other"}'
        where command_id = ${cut}`,
  ],
  [
    'a cut in a region whose breaker had tripped',
    'CUT_WHILE_TRIPPED',
    (tx) => tx`
        insert into breaker_trip (id, company_id, region, cuts, tripped_at)
        select gen_random_uuid(), c.company_id, p.region, 21,
               c.requested_at - interval '1 hour'
        from command c join meter m on m.id = c.meter_id
        join service_point p on p.id = m.service_point_id where c.id = ${cut}`,
  ],
  [
    'a cut before a restore was reconciled',
    'CUT_BEFORE_RECONCILED',
    (tx) => tx`
        insert into restore_mark (system_id, timeline, xact_seen, kind, at, by_whom)
        select 'x', 1, '1', 'restored', requested_at - interval '1 hour', 'test'
        from command where id = ${cut}`,
  ],
  [
    'a command that nobody ends',
    'COMMAND_OVERDUE',
    (tx) => tx`
        update command set state = 'queued', not_after = requested_at,
                           next_attempt_at = requested_at where id = ${cut}`,
  ],
];

const ofSupplies: Case[] = [
  [
    'a supply that no change tells',
    'SUPPLY_NOT_ITS_LAST_CHANGE',
    (tx) => tx`update supply set state = 'connected'`,
  ],
  [
    'a change of a command that was not verified',
    'CHANGE_WITHOUT_COMMAND',
    (tx) => tx`update command set state = 'failed' where id = ${cut}`,
  ],
  [
    'a customer who has paid and stays cut',
    'PAID_AND_STILL_CUT',
    (tx) => tx`update account_balance set balance_micros = 5000000`,
  ],
];

describe('a planted fault is found:', () => {
  test.each(ofCommands)('%s', async (_, code, damage) => {
    expect(await plant(damage)).toContain(`${code} command/${cut}`);
  });

  test.each(ofSupplies)('%s', async (_, code, damage) => {
    const [command] = await owner<{ meterId: number }[]>`
      select meter_id as "meterId" from command where id = ${cut}`;
    expect(await plant(damage)).toContain(`${code} meter/${command?.meterId}`);
  });

  test('and who is protected from the very instant of the cut on is not found', async () => {
    expect(await plant((tx) => protect(tx, 0))).toEqual([]);
  });

  test('and who has paid less than what brings a supply back is not found', async () => {
    expect(await plant((tx) => tx`update account_balance set balance_micros = 4999999`)).toEqual(
      [],
    );
  });

  test('and who has paid and moved in a moment ago waits for the next sweep', async () => {
    const moveIn = async (tx: Transaction) => {
      await tx`update account_balance set balance_micros = 5000000`;
      await tx`update agreement set valid_from = ${justNow}`;
    };
    expect(await plant(moveIn)).toEqual([]);
  });

  test('and who has paid is not found in the moment in which a reconnection expired', async () => {
    const expire = async (tx: Transaction) => {
      await tx`update account_balance set balance_micros = 5000000`;
      const [{ id }] = await tx<[{ id: string }]>`
        insert into command (id, company_id, meter_id, account_id, kind, cause, reason, state,
                             requested_by, requested_at, not_after, attempts, next_attempt_at)
        select gen_random_uuid(), company_id, meter_id, account_id, 'reconnect', cause, 'x',
               'expired', requested_by, requested_at, ${justNow}, 0, ${justNow}
        from command where id = ${cut} returning id`;
      await tx`
        insert into command_step (command_id, ordinal, company_id, account_id, state, at, detail)
        select ${id}, v.ordinal, company_id, account_id, v.state, v.at, 'x'
        from command, (values (0, 'requested', ${new Date(startMs)}::timestamptz),
                              (1, 'expired', ${justNow})) v (ordinal, state, at)
        where id = ${cut}`;
    };
    const found = await plant(expire);
    expect(found).not.toContainEqual(expect.stringContaining('PAID_AND_STILL_CUT'));
  });
});
