import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { takeBackChange } from '../../../src/operations/prepaid/takeBackChange.ts';
import type { TakeBackInput } from '../../../src/operations/prepaid/takeBackChange.ts';
import { hourMs, dayMs } from '../billsGround.ts';
import { at10, july, june, modeWorld } from './modeGround.ts';

describe('a recorded change that has not begun', () => {
  test('is taken back: one bill of the whole month, as if nothing had been recorded', async () => {
    const { ground, ...w } = await modeWorld('mode_taken_back');
    const { sql } = ground.database;
    await w.buy('A1', '10.00');
    await w.buy('A2', '10.00');
    await w.read(june, 0);
    const agreementId = await w.agreementOf('A1');
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    const back = async (more: Partial<TakeBackInput> = {}, viewer?: Viewer) => {
      const asked = { idempotencyKey: randomUUID(), agreementId, reason: 'asked again', ...more };
      const by = viewer ?? { ...ground.viewer, role: 'operator' };
      const done = await takeBackChange(w.deps, by, asked);
      await ground.rateAll();
      return done;
    };
    const subscriber = { ...ground.viewer, role: 'subscriber' as const };
    expect(await back({}, subscriber)).toMatchObject({ code: 'NOT_PERMITTED' });
    const idempotencyKey = randomUUID();
    expect(await back({ idempotencyKey })).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(await back({ idempotencyKey })).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await back()).toMatchObject({ code: 'AGREEMENT_CHANGE_NOT_FOUND' });
    const held = await sql`select id, mode, valid_to as "validTo" from agreement
                           where account_id = ${w.accountOf('A1')}`;
    expect([...held]).toEqual([{ id: agreementId, mode: 'prepaid', validTo: null }]);
    await w.read(at10, 9_000);
    await w.read(july, 20_000);
    await w.read(july + hourMs, 20_000);
    const whole = [{ mode: 'prepaid', wh: 20_000n, micros: 6_000_000n, open: false }];
    expect(await w.billed('A1')).toEqual(whole);
    expect(await w.billed('A2')).toEqual(whole);
    expect(await w.begin()).toEqual({ changes: 0 });
    const told = await sql`
      select detail->>'what' as what from event where kind = 'notice' order by shard, sequence`;
    expect(told.map(({ what }) => String(what))).toContain('change_taken_back');
    const [audited] = await sql`
      select before->>'mode' as mode, after->>'reason' as reason from audit_entry
      where action = 'agreement.takeBackChange'`;
    expect(audited).toEqual({ mode: 'postpaid', reason: 'asked again' });
    // It can be recorded again.
    ground.clock.set(july + 2 * hourMs);
    expect((await w.change('postpaid', { atMs: july + dayMs })).ok).toBe(true);
  });

  test('stays once it has begun, is followed by another one, or is in use', async () => {
    const { ground, ...w } = await modeWorld('mode_stays');
    const { sql } = ground.database;
    await w.buy('A1', '10.00');
    const first = await w.agreementOf('A1');
    const back = (agreementId: typeof first) =>
      takeBackChange(
        w.deps,
        { ...ground.viewer, role: 'operator' },
        {
          idempotencyKey: randomUUID(),
          agreementId,
          reason: 'asked again',
        },
      );
    expect((await w.change('postpaid', { atMs: at10 })).ok).toBe(true);
    const second = await w.agreementOf('A1');
    expect((await w.change('prepaid', { atMs: at10 + dayMs })).ok).toBe(true);
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_IN_USE' });
    expect(await back(second)).toMatchObject({ ok: true });
    await sql`insert into accrual (agreement_id, company_id, accrued_until)
              values (${second}, ${ground.registered.companyId}, now())`;
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_IN_USE' });
    ground.clock.set(at10);
    expect(await back(first)).toMatchObject({ code: 'AGREEMENT_CHANGE_BEGUN' });
  });
});
