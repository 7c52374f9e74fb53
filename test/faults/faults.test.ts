import { expect, test } from 'vitest';
import { childrenOf } from '../../scripts/faults/processes.ts';
import { FaultRun } from '../../scripts/faults/run.ts';
import type { FaultOptions } from '../../scripts/faults/run.ts';
import type { FaultReport } from '../../scripts/faults/report.ts';

/**
 * A short run of `npm run faults`: real processes and a real Postgres of its own, without Redis
 * and broker, which the longer runs add. Load and journals are the runner's own; prices are whole
 * micro-units a watt-hour, so that what is owed is a register's difference times a number.
 */
async function runFaults(given: Partial<FaultOptions>): Promise<FaultReport> {
  const run = new FaultRun({
    seed: 1,
    killsMax: 0,
    msMax: 600_000,
    kinds: ['ingest', 'worker', 'api', 'postgres'],
    outageS: 0,
    lanes: 2,
    faultsPerJudgement: 100,
    gatewaysPerCompany: 1,
    metersPerGateway: 4,
    batchEveryMs: 150,
    planted: [],
    replays: false,
    onProgress: () => {},
    ...given,
  });
  return run.run();
}

test('killed under load, nothing is lost, doubled or wrong; what is planted is found', async () => {
  const planted = ['unsentAcknowledged', 'deletedLogRow', 'movedBalance'] as const;
  const report = await runFaults({ killsMax: 4, replays: true, planted });
  expect(report).toMatchObject({ lost: [], duplicated: [], wrong: [], notRecovered: [] });
  expect(report.kills).toBeGreaterThanOrEqual(4);
  expect(report.batches.acknowledged).toBeGreaterThan(0);
  expect(report.replayed).toContain('0 differ');
  expect(report.planted.get('unsentAcknowledged')).toContain('BATCH_LOST');
  expect(report.planted.get('deletedLogRow')).toContain('BATCH_LOST');
  expect(report.planted.get('movedBalance')).toContain('BALANCE_WRONG');
}, 900_000);

test('receipts that are given before the commit are found', async () => {
  const planted = ['acknowledgesBeforeCommit'] as const;
  const report = await runFaults({ planted, kinds: ['api'], killsMax: 1 });
  expect(report.planted.get('acknowledgesBeforeCommit')).toContain('BATCH_LOST');
}, 900_000);

test('a run leaves no process behind', async () => {
  await expect.poll(() => childrenOf(process.pid)).toEqual([]);
});
