import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import type { EditReadingInput } from '../../src/operations/office/editReading.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { testEdge } from '../support/build/edge.ts';
import { recordReadings } from '../../src/operations/office/recordReadings.ts';
import {
  openOfficeGround,
  minute,
  noon,
  quarter,
  replayDifferences,
  uuid,
} from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const grounds: OfficeGround[] = [];
async function ground(name: string): Promise<OfficeGround> {
  const made = await openOfficeGround(name);
  grounds.push(made);
  return made;
}
afterAll(() => Promise.all(grounds.map((each) => each.close())));

function entered(meterId: number, atMs: number, value: bigint) {
  return { meterId, channel: importChannel, atMs, value, quality: 'ACTUAL' as const };
}

describe('002.23: readings by hand', () => {
  let here: OfficeGround;
  beforeAll(async () => {
    here = await ground('office_manual');
  });

  test('what a person read is in the log, signed, with its author and reason', async () => {
    const [m1, , m3] = here.meterIds;
    const input = {
      idempotencyKey: uuid(1),
      reason: 'yearly round',
      readings: [
        entered(m1, noon, 1_000n),
        entered(m1, noon + quarter, 1_100n),
        entered(m3, noon, 500n),
        entered(m3, noon + quarter, 700n),
      ],
    };
    const done = await recordReadings(here.deps, here.viewer('operator'), input);
    // Meters of two shards of the log: two batches of one chain.
    expect(done).toMatchObject({
      ok: true,
      value: { readings: 4, batches: [{ sequence: 1n }, { sequence: 2n }], isReplay: false },
    });
    const rows = await here.writer.sql`
      select g.shard, g.sequence::int4 as sequence, o.kind, o.author, o.reason, e.kind as edge
      from batch_guard g join office_batch o using (edge_id, epoch, sequence)
      join edge e on e.id = g.edge_id order by g.sequence`;
    const word = { kind: 'manual', author: 'operator:one', reason: 'yearly round', edge: 'office' };
    expect([...rows]).toEqual([
      { shard: 0, sequence: 1, ...word },
      { shard: 2, sequence: 2, ...word },
    ]);
    const audit = await here.writer.sql`
      select actor, action from audit_entry where action like 'reading.%'`;
    expect([...audit]).toEqual([{ actor: 'operator:one', action: 'reading.manual' }]);
    await here.rateAll();
    // 100 Wh and 200 Wh at 0.30 a kWh.
    expect(await here.balances()).toEqual([-30_000n, 0n, -60_000n, 0n]);
  });

  test('the same key again enters nothing, and with other input is refused', async () => {
    const [m1, , m3] = here.meterIds;
    const input = {
      idempotencyKey: uuid(1),
      reason: 'yearly round',
      readings: [
        entered(m1, noon, 1_000n),
        entered(m1, noon + quarter, 1_100n),
        entered(m3, noon, 500n),
        entered(m3, noon + quarter, 700n),
      ],
    };
    const again = await recordReadings(here.deps, here.viewer('operator'), input);
    expect(again).toMatchObject({ ok: true, value: { readings: 4, isReplay: true } });
    const other = await recordReadings(here.deps, here.viewer('operator'), {
      ...input,
      reason: 'another',
    });
    expect(other).toMatchObject({ ok: false, code: 'IDEMPOTENCY_KEY_REUSED' });
    const [{ count }] = await here.writer.sql<[{ count: number }]>`
      select count(*)::int4 as count from batch_guard`;
    expect(count).toBe(2);
  });

  test('a foreign meter, a future reading or a missing reason leaves nothing behind', async () => {
    const [m1] = here.meterIds;
    const viewer = here.viewer('operator');
    const wrong = [
      [{ reason: ' ', readings: [entered(m1, noon, 1n)] }, 'REASON_MISSING'],
      [{ reason: 'x', readings: [] }, 'READINGS_EMPTY'],
      [{ reason: 'x', readings: [entered(99_999, noon, 1n)] }, 'METER_NOT_FOUND'],
      [{ reason: 'x', readings: [entered(m1, noon + 9e9, 1n)] }, 'READING_IN_FUTURE'],
      [{ reason: 'x', readings: [entered(m1, noon, -1n)] }, 'VALUE_OUT_OF_RANGE'],
      [
        { reason: 'x', readings: [entered(m1, noon, 1n), entered(m1, noon, 2n)] },
        'READING_REPEATED',
      ],
    ] as const;
    for (const [index, [input, code]] of wrong.entries()) {
      const idempotencyKey = uuid(100 + index);
      const answer = await recordReadings(here.deps, viewer, { idempotencyKey, ...input });
      expect(answer).toMatchObject({ ok: false, code });
    }
    const forbidden = await recordReadings(here.deps, here.viewer('developer'), {
      idempotencyKey: uuid(200),
      reason: 'x',
      readings: [entered(m1, noon, 1n)],
    });
    expect(forbidden).toMatchObject({ ok: false, code: 'NOT_PERMITTED' });
    const [{ count }] = await here.writer.sql<[{ count: number }]>`
      select count(*)::int4 as count from office_batch`;
    expect(count).toBe(2);
  });

  test('no fleet may declare a gateway under the name of the office', async () => {
    const { declared, edges } = here;
    const office = { name: 'office', publicKeys: [testEdge().publicKey], buses: [] };
    const answer = await registerFleet(
      { sql: here.writer.sql, clock: here.clock },
      { ...declared, edges: [...declared.edges, office] },
    );
    expect(answer).toMatchObject({ ok: false, code: 'FLEET_CONFLICT' });
    const [{ keys }] = await here.writer.sql<[{ keys: number }]>`
      select count(*)::int4 as keys from edge_key`;
    expect(keys).toBe(edges.length + 1);
  });

  test('two people at once get sequences one after the other', async () => {
    const [m1] = here.meterIds;
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        recordReadings(here.deps, here.viewer('operator'), {
          idempotencyKey: uuid(300 + n),
          reason: 'round',
          readings: [entered(m1, noon + quarter + n * minute, 1_100n + BigInt(n))],
        }),
      ),
    );
    expect(answers.every((answer) => answer.ok)).toBe(true);
    const [row] = await here.writer.sql`
      select contiguous::int4, highest::int4, batch_count::int4 from edge_progress p
      join edge e on e.id = p.edge_id where e.kind = 'office'`;
    expect(row).toEqual({ contiguous: 6, highest: 6, batch_count: 6 });
  });
});

describe('domain rule 12: an edit names what it supersedes and wins', () => {
  let here: OfficeGround;
  let keys = 1_000;
  beforeAll(async () => {
    here = await ground('office_edit');
    const [meterId] = here.meterIds;
    const readings = [0, 1, 2].map((n) => ({
      meterId,
      atMs: noon + n * quarter,
      wh: 1_000 + n * 100,
    }));
    await here.commit([here.makers[0].readings(readings)]);
    await here.rateAll();
  });

  function edit(change: Partial<EditReadingInput>) {
    keys += 1;
    return editReading(here.deps, here.viewer('operator'), {
      idempotencyKey: uuid(keys),
      meterId: here.meterIds[0],
      channel: importChannel,
      atMs: noon + 2 * quarter,
      value: 1_300n,
      supersedes: 0,
      reason: 'misread',
      ...change,
    });
  }

  test('the edit stands in the place of the reading, and the difference is posted', async () => {
    expect((await here.balances())[0]).toBe(-60_000n);
    expect(await edit({})).toMatchObject({ ok: true, value: { revision: 1 } });
    await here.rateAll();
    // 1,000 to 1,300: 300 Wh at 0.30 a kWh.
    expect((await here.balances())[0]).toBe(-90_000n);
  });

  test('a stale revision changes nothing, also before the last edit is rated', async () => {
    expect(await edit({ value: 1_400n })).toMatchObject({
      ok: false,
      code: 'READING_REVISION_STALE',
    });
    expect(await edit({ value: 1_200n, supersedes: 1 })).toMatchObject({
      ok: true,
      value: { revision: 2 },
    });
    // Nothing is rated in between: the log knows.
    expect(await edit({ value: 1_400n, supersedes: 1 })).toMatchObject({
      ok: false,
      code: 'READING_REVISION_STALE',
    });
    await here.rateAll();
    expect((await here.balances())[0]).toBe(-60_000n);
  });

  test('two edits of one revision at once: one wins, the other is told', async () => {
    const answers = await Promise.all([
      edit({ value: 1_210n, supersedes: 2 }),
      edit({ value: 1_220n, supersedes: 2 }),
    ]);
    const codes = answers.map((answer) => (answer.ok ? 'done' : answer.code));
    expect(codes.toSorted()).toEqual(['READING_REVISION_STALE', 'done']);
  });

  test('a void takes the reading out, and there is none to edit where none was read', async () => {
    expect(await edit({ value: null, supersedes: 3 })).toMatchObject({ ok: true });
    await here.rateAll();
    // 1,000 to 1,100 is left.
    expect((await here.balances())[0]).toBe(-30_000n);
    expect(await edit({ atMs: noon + 1 })).toMatchObject({ ok: false, code: 'READING_NOT_FOUND' });
  });

  test('the log rated anew, edits and voids in it, gives what is stored', async () => {
    expect(await replayDifferences(here, 'edits')).toBe(0);
  });
});
