import { afterAll, beforeAll, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { minute, noon, openOfficeGround, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

let here: OfficeGround;
beforeAll(async () => {
  here = await openOfficeGround('voided_first');
});
afterAll(() => here.close());

/** Two readings of a register's first quarter hour, of which the first is voided: one is left. */
test('the reading behind a voided first one stays in the series', async () => {
  const [meterId] = here.meterIds;
  const { deps, makers, fleet, clock } = here;
  const at = [1, 5].map((n) => ({ meterId, atMs: noon + n * minute, wh: 1_000 + n }));
  await here.commit([makers[0].readings(at)]);
  await here.rateAll();
  const voided = await editReading(deps, here.viewer('operator'), {
    idempotencyKey: uuid(1),
    meterId,
    channel: importChannel,
    atMs: noon + minute,
    value: null,
    supersedes: 0,
    reason: 'misread',
  });
  expect(voided).toMatchObject({ ok: true });
  await here.rateAll();
  const [{ companyId }, nowMs] = [fleet, clock.nowMs()];
  const window = { meterId: null, fromMs: noon - minute, toMs: noon + 60 * minute, nowMs };
  const done = await reconcile(
    { sql: here.writer.sql, onStep: () => {} },
    { companyId, ...window },
  );
  expect(done).toMatchObject({ ok: true, value: { findings: [] } });
});
