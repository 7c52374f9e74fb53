import { randomUUID } from 'node:crypto';
import type { Sql } from '../../db/connect.ts';
import { findTariffId } from '../../db/directory.ts';
import {
  countRefused,
  findSimulations,
  mostChangedBills,
  sumSimulation,
  sumSimulationClasses,
} from '../../db/simulationReads.ts';
import type {
  RefusedCount,
  SimulatedBill,
  SimulationClass,
  SimulationSums,
  SimulationView,
} from '../../db/simulationReads.ts';
import type { SimulationProgress } from '../../db/simulations.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { formatMicros } from '../../domain/exact.ts';
import { rateLab } from '../../domain/lab/labJob.ts';
import type { LabJob } from '../../domain/lab/labJob.ts';
import { changedBillsToldMax, customerClassesToldMax } from '../../domain/labLimits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { runSimulation } from '../../operations/runSimulation.ts';
import { simulateTariff } from '../../operations/simulateTariff.ts';
import type { Answer } from '../answer.ts';
import { columns } from '../billTable.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readJson } from '../inputFile.ts';
import { companyNamed, staffViewer } from '../viewer.ts';
import { idNumberMax, wholeNumber } from '../wholeNumber.ts';

export type LabOptions = {
  readonly company: string;
  readonly document: string;
  readonly tariff: string | undefined;
  readonly customerClass: string | undefined;
  readonly agreements: string | undefined;
  readonly from: string;
  readonly through: string;
  readonly database: string | undefined;
};

type Result = {
  readonly simulation: SimulationView;
  readonly sums: SimulationSums;
  readonly classes: readonly SimulationClass[];
  readonly changed: readonly SimulatedBill[];
  readonly refused: readonly RefusedCount[];
};

const clock = { nowMs: Date.now };

function agreementIdsOf(text: string | undefined): readonly number[] | null {
  if (text === undefined) return null;
  return text
    .split(',')
    .map((id) => wholeNumber(id, 'each of --agreements', { min: 1, max: idNumberMax }));
}

async function tariffNamed(
  sql: Sql,
  tariff: { readonly companyId: number; readonly name: string | undefined },
): Promise<Outcome<number | null, 'TARIFF_NOT_FOUND'>> {
  const { companyId, name } = tariff;
  if (name === undefined) return accept(null);
  const found = await findTariffId(sql, { companyId, name });
  if (found !== null) return accept(found);
  return refuse('TARIFF_NOT_FOUND', `The company has no tariff "${name}". Correct the name.`);
}

function readResult(sql: Sql, viewer: Viewer, simulationId: string): Promise<Result> {
  return asViewer(sql, viewer, async (tx) => {
    const [simulation] = await findSimulations(tx, [simulationId]);
    assert(simulation !== undefined, 'what was asked for a moment ago is there');
    const classLimit = { simulationId, limit: customerClassesToldMax };
    return {
      simulation,
      sums: await sumSimulation(tx, simulationId),
      classes: await sumSimulationClasses(tx, classLimit),
      changed: await mostChangedBills(tx, { simulationId, limit: changedBillsToldMax }),
      refused: await countRefused(tx, classLimit),
    };
  });
}

type Told = ReturnType<typeof sumFacts>;

function sumFacts(sums: SimulationSums, digits: number | undefined) {
  const money = (micros: bigint): string => formatMicros(micros, digits);
  return {
    agreements: sums.rated,
    before: money(sums.beforeMicros),
    after: money(sums.afterMicros),
    change: money(sums.afterMicros - sums.beforeMicros),
    winners: { count: sums.winners, change: money(sums.winnersMicros) },
    losers: { count: sums.losers, change: money(sums.losersMicros) },
  };
}

function factsOf({ simulation, sums, classes, changed, refused }: Result) {
  const { currency, state } = simulation;
  const digits = minorDigitsOf(currency);
  const money = (micros: bigint): string => formatMicros(micros, digits);
  return {
    simulationId: simulation.id,
    state,
    currency,
    ...sumFacts(sums, digits),
    classes: classes.map((each) => ({
      customerClass: each.customerClass,
      ...sumFacts(each, digits),
    })),
    mostChanged: changed.map(({ agreementId, month, beforeMicros, afterMicros }) => ({
      agreementId,
      month,
      before: money(beforeMicros),
      after: money(afterMicros),
      change: money(afterMicros - beforeMicros),
    })),
    refused,
  };
}

function fallAndRise({ winners, losers }: Told): string {
  return `${winners.count} pay less (${winners.change}), ${losers.count} more (${losers.change})`;
}

function sentenceOf(facts: ReturnType<typeof factsOf>): string {
  const { agreements, before, after, change, currency } = facts;
  const classes = facts.classes.map((each) => [
    each.customerClass ?? '(no class)',
    `${each.agreements}`,
    each.before,
    each.after,
    each.change,
    fallAndRise(each),
  ]);
  const changed = facts.mostChanged.map((bill) => [
    `agreement ${bill.agreementId}`,
    bill.month,
    bill.before,
    bill.after,
    bill.change,
  ]);
  return [
    `${agreements} agreements: ${before} becomes ${after} ${currency}, a change of ${change}; ` +
      `${fallAndRise(facts)}.`,
    ...columns(classes, (column) => column > 0 && column < 5).map((line) => `  ${line}`),
    ...(changed.length === 0 ? [] : ['Most changed:']),
    ...columns(changed, (column) => column > 1).map((line) => `  ${line}`),
    ...facts.refused.map(({ code, count }) => `refused: ${count} agreements, ${code}`),
  ].join('\n');
}

/**
 * A draft over the history of a company's agreements, worked off in this process. Broken off, it is
 * gone on with by a worker of the system. Nothing is posted.
 */
export async function labTariff(options: LabOptions, isJson: boolean): Promise<Answer> {
  const url = databaseUrl(options.database);
  const agreementIds = agreementIdsOf(options.agreements);
  const document = readJson(options.document);
  if (!document.ok) return document;
  const ids = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const companyId = await companyNamed(sql, options.company);
    if (!companyId.ok) return companyId;
    const name = options.tariff;
    const tariffId = await tariffNamed(sql, { companyId: companyId.value, name });
    return tariffId.ok
      ? accept({ companyId: companyId.value, tariffId: tariffId.value })
      : tariffId;
  });
  if (!ids.ok) return ids;
  const { tariffId, companyId } = ids.value;
  const viewer = staffViewer(companyId, 'administrator');
  const asked = await withDatabase(url, 'joulebook_api', (sql) =>
    simulateTariff({ sql, clock, wake: () => {} }, viewer, {
      idempotencyKey: randomUUID(),
      document: document.value,
      tariffVersionId: null,
      agreementIds,
      tariffId,
      customerClass: options.customerClass ?? null,
      fromMonth: options.from,
      throughMonth: options.through,
    }),
  );
  if (!asked.ok) return asked;
  const { simulationId } = asked.value;
  const ran = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const rate = async (job: LabJob) => rateLab(job);
    const onProgress = ({ doneCount, agreementCount }: SimulationProgress) => {
      if (!isJson) process.stderr.write(`${doneCount} of ${agreementCount} agreements\n`);
    };
    await runSimulation({ sql, clock, rate, wake: () => {}, onProgress }, simulationId);
    return accept(null);
  });
  if (!ran.ok) return ran;
  const result = await withDatabase(url, 'joulebook_api', async (sql) =>
    accept(await readResult(sql, viewer, simulationId)),
  );
  if (!result.ok) return result;
  const facts = factsOf(result.value);
  return accept({ sentence: sentenceOf(facts), facts });
}
