import { expect, test } from 'vitest';
import { pageAudit } from '../../src/db/auditReads.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { bills, dayMs, flat, hourMs, july, june } from './billsGround.ts';
import { mark } from './marksGround.ts';

/** UTC throughout. A count of the register stands for 40, from the 16th of June on for 80. */
const the16th = june + 15 * dayMs;

test('domain rule 87: a changed multiplier: who, when, 40, 80, why, which bills', async () => {
  const ground = await bills('audit_multiplier', flat('0.10'));
  ground.clock.set(june);
  await mark(ground, { atMs: june, factor: '40', reason: 'as on the plate' });
  ground.clock.set(july + hourMs);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: the16th, wh: 1_000 },
    { atMs: july, wh: 2_000 },
    { atMs: july + hourMs, wh: 2_000 },
  ]);
  // 2,000 counts of 40 Wh are 80 kWh, at 0.10.
  expect(await ground.charges()).toMatchObject([
    { period: '2026-06', wh: 80_000n, micros: 8_000_000n, open: false },
    { period: '2026-07' },
  ]);
  const toldMs = july + 20 * dayMs;
  ground.clock.set(toldMs);
  const marked = await mark(ground, { atMs: the16th, factor: '80', reason: 'transformer changed' });
  expect(marked).toMatchObject({ ok: true, value: { affectedPeriodsMs: [june] } });
  // 40 and 80 kWh.
  expect((await ground.charges())[0]).toMatchObject({ wh: 120_000n, micros: 12_000_000n });

  const subject = `meter/${ground.meter('M1')}`;
  const { companyId } = ground.registered;
  const all = { companyId, subject, actor: null, fromMs: toldMs, toMs: null };
  const page = { after: null, before: null, limit: 10, inverted: false };
  const rows = await asViewer(ground.api.sql, ground.viewer, (tx) => pageAudit(tx, all, page));
  const [version] = await ground.database.sql<{ id: number }[]>`select id from tariff_version`;
  expect(rows).toMatchObject([
    {
      actor: 'administrator:one',
      action: 'register.mark',
      at: new Date(toldMs),
      before: { factor: '40' },
      after: {
        kind: 'factor',
        factor: '80',
        at: '2026-06-16T00:00:00Z',
        reason: 'transformer changed',
        affectedBills: [
          {
            periodStart: '2026-06-01T00:00:00Z',
            tariffVersionId: version?.id,
            energyWh: '80000',
            amountMicros: '8000000',
          },
        ],
      },
    },
  ]);
});
