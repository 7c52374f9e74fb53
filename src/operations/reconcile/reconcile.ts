import type { Sql } from '../../db/connect.ts';
import {
  compareMoney,
  inOneSnapshot,
  lastDroppedDay,
  raiseAlarm,
  readMetersOf,
} from '../../db/reconciliation.ts';
import type { Transaction } from '../../db/connect.ts';
import { readFailedDuties } from '../../db/setAsideDuties.ts';
import { recountedMetersAtOnce, seriesWindowDaysMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { derivedId } from '../derivedId.ts';
import { countEdges } from './countEdges.ts';
import type { EdgeCount } from './countEdges.ts';
import { Findings } from './finding.ts';
import type { Finding } from './finding.ts';
import { recountReadings } from './recountReadings.ts';
import type { MeterCount } from './recountReadings.ts';
import { weighEnergy } from './weighEnergy.ts';
import type { EnergyCount } from './weighEnergy.ts';

export type ReconcileWindow = {
  readonly companyId: number;
  /** Null: all meters of the company. */
  readonly meterId: number | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
};

export type ReconcileStep = { readonly what: 'batches' | 'service points'; readonly done: number };

export type MoneyCount = {
  readonly charges: number;
  /** Charges that are not the sum of their transfers. */
  readonly unexplained: number;
};

export type Reconciliation = {
  readonly edges: readonly EdgeCount[];
  readonly meters: readonly MeterCount[];
  readonly energy: EnergyCount;
  readonly money: MoneyCount;
  /** All that nothing explains: zero, or somebody must look. */
  readonly unexplained: number;
  /** The first of them. */
  readonly findings: readonly Finding[];
};

export type ReconcileCode =
  | 'WINDOW_EMPTY'
  | 'WINDOW_TOO_LONG'
  | 'WINDOW_BEFORE_LOG'
  | 'METER_NOT_FOUND';

async function compareCharges(
  tx: Transaction,
  { companyId, fromMs, toMs }: ReconcileWindow,
  findings: Findings,
): Promise<MoneyCount> {
  // Whole months that the window touches, of any zone.
  const wide = { companyId, fromMs: fromMs - 33 * dayMs, toMs: toMs + 2 * dayMs };
  const { charges, differences } = await compareMoney(tx, wide);
  for (const each of differences) {
    const month = each.periodStart.toISOString();
    const message =
      `the charge of meter ${each.meterId} from ${month} is ${each.chargedMicros} micros, its ` +
      `transfers are ${each.postedMicros}`;
    findings.add('MONEY_DIFFERS', `agreement/${each.agreementId}`, message);
  }
  return { charges, unexplained: differences.length };
}

/** They stand whatever the window is, until somebody asks for them again. */
async function tellFailedDuties(
  tx: Transaction,
  companyId: number,
  findings: Findings,
): Promise<void> {
  for (const { meterId, reason, failedAt, failure } of await readFailedDuties(tx, companyId)) {
    const what = reason === 'validation' ? 'validating it' : `rating it again (${reason})`;
    const message =
      `${what} failed at ${failedAt.toISOString()}: ${failure}. ` +
      'Once that is mended: ems-cli reading retry.';
    findings.add('DUTY_FAILED', `meter/${meterId}`, message);
  }
}

function checkSpan({ fromMs, toMs }: ReconcileWindow): Outcome<null, ReconcileCode> {
  if (toMs <= fromMs) return refuse('WINDOW_EMPTY', 'The window ends before it begins.', ['to']);
  if (toMs - fromMs > seriesWindowDaysMax * dayMs) {
    const message = `A window has at most ${seriesWindowDaysMax} days. Reconcile it in parts.`;
    return refuse('WINDOW_TOO_LONG', message, ['to']);
  }
  return accept(null);
}

function checkSize(
  { fromMs, toMs }: ReconcileWindow,
  { meters, meterDaysMax }: { readonly meters: number; readonly meterDaysMax: number | null },
): Outcome<null, ReconcileCode> {
  const days = Math.ceil((toMs - fromMs) / dayMs);
  if (meterDaysMax === null || meters * days <= meterDaysMax) return accept(null);
  const message =
    `${meters} meters for ${days} days are more than ${meterDaysMax} days of a meter at once. ` +
    'Ask for fewer days or for one meter, or run ems-cli reconcile.';
  return refuse('WINDOW_TOO_LONG', message, ['to']);
}

/** Counts everything of a window twice, inside one snapshot of the database. */
export async function reconcileIn(
  tx: Transaction,
  window: ReconcileWindow,
  {
    meterDaysMax,
    onStep,
  }: {
    /** Of who answers requests beside it; null: takes the time that it takes. */
    readonly meterDaysMax: number | null;
    onStep(step: ReconcileStep): void;
  },
): Promise<Outcome<Reconciliation, ReconcileCode>> {
  const checked = checkSpan(window);
  if (!checked.ok) return checked;
  const { companyId, meterId, fromMs, toMs, nowMs } = window;
  const dropped = await lastDroppedDay(tx);
  // A reading is received on the day it was taken or later.
  if (dropped !== null && new Date(fromMs - dayMs).toISOString().slice(0, 10) <= dropped) {
    const message =
      `Retention has taken the log up to ${dropped}: readings of then cannot be counted again. ` +
      'Begin the window two days later.';
    return refuse('WINDOW_BEFORE_LOG', message, ['from']);
  }
  const metersAsked = await readMetersOf(tx, { companyId, meterId });
  if (meterId !== null && metersAsked.length === 0) {
    return refuse('METER_NOT_FOUND', `There is no meter ${meterId}. Check its id.`, ['meterId']);
  }
  const sized = checkSize(window, { meters: metersAsked.length, meterDaysMax });
  if (!sized.ok) return sized;
  const findings = new Findings();
  const edges = await countEdges(tx, { companyId, nowMs }, findings);
  const onBatches = (done: number): void => onStep({ what: 'batches', done });
  const asked = { companyId, fromMs, toMs };
  const recounted = {
    ...asked,
    meters: metersAsked,
    metersAtOnce: recountedMetersAtOnce,
    onBatches,
  };
  const meters = await recountReadings(tx, recounted, findings);
  const onPoints = (done: number): void => onStep({ what: 'service points', done });
  const meterIds = metersAsked.map((meter) => meter.meterId);
  const energy = await weighEnergy(tx, { ...asked, meterIds, onPoints }, findings);
  const money = await compareCharges(tx, window, findings);
  await tellFailedDuties(tx, companyId, findings);
  const { count: unexplained, first } = findings;
  return accept({ edges, meters, energy, money, unexplained, findings: first });
}

/**
 * Sent, received, committed, rated and posted, an edge and a meter at a time. What nothing explains
 * is an alarm: one audit row for the same findings, however often they are found.
 */
export async function reconcile(
  { sql, onStep }: { readonly sql: Sql; onStep(step: ReconcileStep): void },
  window: ReconcileWindow,
): Promise<Outcome<Reconciliation & { readonly isNewAlarm: boolean }, ReconcileCode>> {
  const done = await inOneSnapshot(sql, (tx) =>
    reconcileIn(tx, window, { meterDaysMax: null, onStep }),
  );
  if (!done.ok) return done;
  const { unexplained, findings } = done.value;
  if (unexplained === 0) return accept({ ...done.value, isNewAlarm: false });
  const { companyId, nowMs } = window;
  const texts = findings.map(({ code, subject, message }) => `${code} ${subject}: ${message}`);
  const isNewAlarm = await raiseAlarm(sql, {
    id: derivedId('reconcile', String(companyId), ...texts),
    companyId,
    atMs: nowMs,
    after: { unexplained, findings: texts },
  });
  return accept({ ...done.value, isNewAlarm });
}
