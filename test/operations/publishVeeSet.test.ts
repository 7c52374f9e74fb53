import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { findVeeSetAt } from '../../src/db/veeSets.ts';
import { publishVeeSet } from '../../src/operations/publishVeeSet.ts';
import type { PublishVeeSetInput } from '../../src/operations/publishVeeSet.ts';
import { transferCodeOf } from '../../src/operations/rating/movedBills.ts';
import { openGround } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('publish_vee');
});
afterAll(() => ground.close());

const july = Date.UTC(2026, 6, 1);
const lastOfJune = Date.UTC(2026, 5, 30) / 86_400_000;

function publish(viewer: Viewer, input: Partial<PublishVeeSetInput> = {}) {
  const deps = {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
  return publishVeeSet(deps, viewer, {
    idempotencyKey: randomUUID(),
    validFromMs: july,
    document: { customerClass: 'community', rules: { highLow: { highPercentMax: 300 } } },
    reason: 'meters of the new make jump more',
    ...input,
  });
}

async function count(table: string): Promise<number> {
  return (await ground.writer.sql`select from ${ground.writer.sql(table)}`).count;
}

function setAt(customerClass: 'community' | 'large', atMs: number) {
  const { companyId } = ground.fleet;
  return findVeeSetAt(ground.writer.sql, { companyId, customerClass, atMs });
}

const rejecting = { customerClass: 'large', rules: { intervalSpike: { outcome: 'reject' } } };

describe('publishing rules of validation', () => {
  test('adds a set once, with duties for the meters of its class with data there', async () => {
    const meterOf = (serial: string) => ground.fleet.meters.get(serial) ?? 0;
    const [first, second, third] = ['JB000001', 'JB000002', 'JB000003'].map(meterOf);
    const { companyId } = ground.fleet;
    // The first has nothing of that time, the second is the one, the third is of another class.
    await ground.writer.sql`
      insert into series_day (meter_id, channel, day, company_id, bytes, revision)
      values (${first ?? 0}, 1, ${lastOfJune - 1}, ${companyId}, ''::bytea, 1),
             (${second ?? 0}, 1, ${lastOfJune}, ${companyId}, ''::bytea, 1),
             (${third ?? 0}, 1, ${lastOfJune}, ${companyId}, ''::bytea, 1)`;
    await ground.writer.sql`
      update service_point set customer_class = 'large'
      where id = (select service_point_id from meter where id = ${third ?? 0})`;
    const idempotencyKey = randomUUID();
    const viewer = ground.viewer('administrator');
    const done = await publish(viewer, { idempotencyKey });
    expect(done).toMatchObject({ ok: true, value: { metersToValidate: 1, isReplay: false } });
    expect(ground.bells).toEqual([{ kind: 'rating' }]);
    const again = await publish(viewer, { idempotencyKey });
    expect(again).toEqual({ ok: true, value: { ...(done.ok && done.value), isReplay: true } });
    expect(await count('vee_set')).toBe(1);
    const rerates = await ground.writer.sql`select meter_id, from_day, reason from rerate_duty`;
    expect([...rerates]).toEqual([
      { meter_id: second, from_day: lastOfJune, reason: 'vee_set_published' },
    ]);
    // What its rating posts is told apart from a change of tariff.
    expect(transferCodeOf('vee_set_published')).toBe('vee_set_published');
    const judged = await ground.writer.sql`select meter_id, from_at from vee_duty`;
    expect([...judged]).toEqual([{ meter_id: second, from_at: new Date(july) }]);
    const audits = await ground.writer.sql`select action, actor, subject, before from audit_entry
      where action = 'veeSet.publish'`;
    expect([...audits]).toEqual([
      {
        action: 'veeSet.publish',
        actor: 'administrator:one',
        subject: 'veeSet/community',
        before: null,
      },
    ]);
  });

  test('of the sets that have begun the latest published counts, class by class', async () => {
    const viewer = ground.viewer('developer');
    const correction = await publish(viewer, { document: { customerClass: 'community' } });
    const later = await publish(viewer, { validFromMs: july + 86_400_000 });
    const idOf = (done: typeof later) => (done.ok ? done.value.veeSetId : 0);
    expect((await setAt('community', july - 1))?.id).toBeUndefined();
    expect((await setAt('community', july))?.id).toBe(idOf(correction));
    expect((await setAt('community', july + 86_400_000))?.id).toBe(idOf(later));
    expect(await setAt('large', july)).toBeNull();
    const audits = await ground.writer.sql`
      select before from audit_entry where action = 'veeSet.publish'
      order by (after->>'veeSetId')::int4`;
    expect(audits.at(-1)?.['before']).toEqual({ veeSetId: idOf(correction) });
  });

  test('an earlier duty to validate is not put off by a later set', async () => {
    await publish(ground.viewer('administrator'), { validFromMs: july - 3 * 86_400_000 });
    await publish(ground.viewer('administrator'), { validFromMs: july });
    const judged = await ground.writer.sql`select distinct from_at from vee_duty`;
    expect([...judged]).toEqual([{ from_at: new Date(july - 3 * 86_400_000) }]);
  });

  test.each<[string, string, Partial<PublishVeeSetInput>]>([
    ['an unknown rule', 'VEE_SET_MALFORMED', { document: { customerClass: 'large', rule: {} } }],
    ['no document', 'VEE_SET_MALFORMED', { document: undefined }],
    ['a soft reject', 'VEE_REJECT_IMPOSSIBLE', { document: rejecting }],
    ['no reason', 'REASON_MISSING', { reason: ' ' }],
    ['a reason without end', 'REASON_TOO_LONG', { reason: 'x'.repeat(401) }],
    ['an instant within a quarter hour', 'VALIDITY_OFF_GRID', { validFromMs: july + 1 }],
    ['an instant of another age', 'VALIDITY_OUT_OF_RANGE', { validFromMs: -900_000 }],
  ])('%s is refused with its place, and nothing is published', async (_, code, input) => {
    const before = await count('vee_set');
    const refused = await publish(ground.viewer('administrator'), input);
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? [] : refused.path?.length).toBeGreaterThan(0);
    expect(await count('vee_set')).toBe(before);
  });

  test('an operator may not publish', async () => {
    expect(await publish(ground.viewer('operator'))).toMatchObject({ code: 'NOT_PERMITTED' });
  });

  test('a published set is never rewritten', async () => {
    const rewrite = ground.writer.sql`update vee_set set document = '{}'`;
    await expect(rewrite).rejects.toThrow('permission denied');
  });
});
