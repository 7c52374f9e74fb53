import { insertDuties } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { appendEvent, eventShardOf } from '../../db/events.ts';
import { withdrawDecisions, writeDecisions } from '../../db/veeDecisions.ts';
import type { DecisionRow } from '../../db/veeDecisions.ts';
import { readVeeDuties, settleVeeDuties } from '../../db/veeFacts.ts';
import { readWrongHolds } from '../../db/veeWindows.ts';
import { importChannel } from '../../domain/channel.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { veeDutiesPerStepMax } from '../../domain/vee/limits.ts';
import { dayOf } from '../../domain/series/day.ts';
import { seeClockDrift } from '../../domain/vee/clockDrift.ts';
import type { Finding } from '../../domain/vee/finding.ts';
import { seeReversedPhase } from '../../domain/vee/reversedPhase.ts';
import { canReject } from '../../domain/vee/set.ts';
import { validateWindow } from '../../domain/vee/validate.ts';
import { loadRegistry } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';
import { decisionEvents } from './decisionEvents.ts';
import { decisionOf } from './decisionRow.ts';
import type { Decided, JudgedWindow } from './decisionRow.ts';
import { judgedMeters } from './judgedMeters.ts';
import type { JudgedMeter, JudgedRegister } from './judgedMeters.ts';
import { judgedReason } from './noteDuties.ts';
import { hasFeedInTariff, phasesIn, readPhases } from './phaseFacts.ts';
import type { PhaseFacts } from './phaseFacts.ts';
import { loadVeeRules } from './veeSets.ts';
import type { VeeRules } from './veeSets.ts';
import { readWindowFacts, windowInput } from './windowInputs.ts';

/** In sets of a time when every rule could say so: what was taken in is held, not left out. */
function held(finding: Finding): Finding {
  const isLeftOut = finding.outcome !== 'reject' || canReject(finding.rule);
  return isLeftOut ? finding : { ...finding, outcome: 'hold' };
}

type BesideSets = {
  readonly memory: RatingMemory;
  readonly rules: VeeRules;
  readonly phases: PhaseFacts;
};

/** What is seen whatever rules a set has. */
function besideSets(
  { memory, rules, phases }: BesideSets,
  { meter, channel, sent }: JudgedRegister,
  window: JudgedWindow,
): readonly Decided[] {
  if (window.kind !== 'day') return [];
  const found: Decided[] = [];
  const drift = seeClockDrift(sent.driftedIn(window), `meter ${meter.meterId}`);
  if (drift !== null) found.push({ ...drift, rule: 'CLOCK_DRIFT', outcome: 'alert' });
  if (window.isOpen === true || channel !== importChannel) return found;
  const { fromMs, toMs } = window;
  const reversed = seeReversedPhase(phasesIn(phases, meter.meterId, window), { fromMs, toMs });
  if (reversed === null || rules.meterOf(meter.meterId).hasGeneration) return found;
  if (hasFeedInTariff(memory, meter, window)) return found;
  return [...found, { ...reversed, rule: 'PHASE_SEQUENCE_ERROR', outcome: 'hold' }];
}

async function judge(
  tx: Transaction,
  memory: RatingMemory,
  judged: readonly JudgedMeter[],
): Promise<readonly DecisionRow[]> {
  const rules = await loadVeeRules(
    tx,
    judged.map(({ meter }) => meter),
  );
  const registers = judged.flatMap((meter) => meter.registers);
  const facts = await readWindowFacts(tx, registers, rules);
  const phases = await readPhases(tx, registers);
  const context = { memory, rules, facts, phases };
  return registers.flatMap((register, index) =>
    register.windows.flatMap((window) => {
      const { meter, channel } = register;
      const input = windowInput(context, { index, register, window });
      const of = { meterId: meter.meterId, companyId: meter.companyId, channel };
      const set = rules.setAt(meter, window.fromMs);
      const found = validateWindow(set, input).map(held);
      return [...found, ...besideSets(context, register, window)].map((finding) =>
        decisionOf(of, window, finding),
      );
    }),
  );
}

/** All registers of the meter: one of which nothing is found any more is judged by that, too. */
function scopeOf({ meter, fromMs, nextFromMs }: JudgedMeter) {
  const throughMs = nextFromMs ?? instantMsMax - 1;
  return { meterId: meter.meterId, channel: null, afterMs: fromMs, throughMs };
}

/** Bills that are held and should not be, or should be and are not, are rated again. */
async function moveHolds(tx: Transaction, judged: readonly JudgedMeter[]): Promise<void> {
  const registers = judged.flatMap((meter) => meter.registers);
  const points = registers.flatMap(({ meter, windows }) =>
    windows.flatMap(({ kind, fromMs, toMs }) =>
      kind === 'bill'
        ? [{ servicePointId: meter.servicePointId, periodStartMs: fromMs, periodEndMs: toMs }]
        : [],
    ),
  );
  const wrong = await readWrongHolds(tx, points);
  const duties = wrong.map(({ meterId, periodStartMs }) => ({
    meterId,
    fromDay: dayOf(periodStartMs),
  }));
  await insertDuties(tx, duties, judgedReason);
}

/**
 * Validates some of what became complete or changed: a few meters and days at a time, when the log
 * of the shard is rated. Findings become decisions; those that are found no longer are withdrawn.
 * Returns in which event shards there is news; null: there was nothing to validate.
 */
export async function validateDue(
  tx: Transaction,
  {
    shard,
    memory,
    nowMs,
    dutiesMax,
    began,
  }: {
    readonly shard: number;
    readonly memory: RatingMemory;
    readonly nowMs: number;
    readonly dutiesMax: number;
    /** Told the first and the last duty before any of the work is done. */
    began(of: { readonly position: bigint; readonly lastPosition: bigint }): void;
  },
): Promise<readonly number[] | null> {
  const limit = Math.min(dutiesMax, veeDutiesPerStepMax);
  const duties = await readVeeDuties(tx, { shard, dutiesMax: limit });
  if (duties.length === 0) return null;
  began({ position: duties[0].id, lastPosition: duties[duties.length - 1].id });
  await loadRegistry(tx, memory, new Set(duties.map(({ meterId }) => meterId)));
  const judged = await judgedMeters(tx, memory, duties);
  const kept = await judge(tx, memory, judged);
  const scopes = judged.map(scopeOf);
  const gone = await withdrawDecisions(tx, 'windows', { scopes, kept, nowMs });
  const made = await writeDecisions(tx, kept, nowMs);
  await moveHolds(tx, judged);
  await settleVeeDuties(
    tx,
    judged.map(({ meter: { meterId }, fromMs, nextFromMs }) => ({ meterId, fromMs, nextFromMs })),
  );
  const events = decisionEvents([...gone, ...made], nowMs);
  for (const event of events) await appendEvent(tx, event);
  return [...new Set(events.map(({ companyId }) => eventShardOf(companyId)))];
}
