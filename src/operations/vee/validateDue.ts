import { insertDuties } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { withdrawDecisions, writeDecisions } from '../../db/veeDecisions.ts';
import type { DecisionRow } from '../../db/veeDecisions.ts';
import { readVeeDuties, settleVeeDuties } from '../../db/veeFacts.ts';
import { readWrongHolds } from '../../db/veeWindows.ts';
import { importChannel } from '../../domain/channel.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { veeDutiesPerStepMax } from '../../domain/vee/limits.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { Finding } from '../../domain/vee/finding.ts';
import { validateWindow } from '../../domain/vee/validate.ts';
import { loadRegistry } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';
import { decisionOf } from './decisionRow.ts';
import { judgedMeters } from './judgedMeters.ts';
import type { JudgedMeter } from './judgedMeters.ts';
import { judgedReason } from './noteDuties.ts';
import { loadVeeRules } from './veeSets.ts';
import { readWindowFacts, windowInput } from './windowInputs.ts';

/**
 * Readings that break a hard rule were left out before anything was judged. One that the walk took
 * in is not taken out again by a soft rule: its bill is held, and a person edits or releases it.
 */
function held(finding: Finding, acceptedAtMs: Float64Array): Finding {
  if (finding.outcome !== 'reject') return finding;
  const accepted = finding.readingsAtMs.filter((atMs) => acceptedAtMs.includes(atMs));
  if (accepted.length === 0) return finding;
  const doubtedReadings = accepted.map((atMs) => new Date(atMs).toISOString()).join(' ');
  return { ...finding, outcome: 'hold', detail: { ...finding.detail, doubtedReadings } };
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
  const facts = await readWindowFacts(tx, judged, rules);
  const context = { memory, rules, facts };
  return judged.flatMap((each, index) =>
    each.windows.flatMap((window) => {
      const { meter } = each;
      const input = windowInput(context, { index, meter: each, window });
      const of = { meterId: meter.meterId, companyId: meter.companyId, channel: importChannel };
      const set = rules.setAt(meter, window.fromMs);
      return validateWindow(set, input).map((finding) =>
        decisionOf(of, window, held(finding, input.readingsAtMs)),
      );
    }),
  );
}

function scopeOf({ meter, fromMs, nextFromMs }: JudgedMeter) {
  const throughMs = nextFromMs ?? instantMsMax - 1;
  return { meterId: meter.meterId, channel: importChannel, afterMs: fromMs, throughMs };
}

/** Bills that are held and should not be, or should be and are not, are rated again. */
async function moveHolds(tx: Transaction, judged: readonly JudgedMeter[]): Promise<void> {
  const points = judged.flatMap(({ meter, windows }) =>
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
 * Returns whether there was anything.
 */
export async function validateDue(
  tx: Transaction,
  { shard, memory, nowMs }: { shard: number; memory: RatingMemory; nowMs: number },
): Promise<boolean> {
  const duties = await readVeeDuties(tx, { shard, dutiesMax: veeDutiesPerStepMax });
  if (duties.length === 0) return false;
  await loadRegistry(tx, memory, new Set(duties.map(({ meterId }) => meterId)));
  const judged = await judgedMeters(tx, memory, duties);
  const kept = await judge(tx, memory, judged);
  await withdrawDecisions(tx, 'windows', { scopes: judged.map(scopeOf), kept, nowMs });
  await writeDecisions(tx, kept, nowMs);
  await moveHolds(tx, judged);
  await settleVeeDuties(
    tx,
    judged.map(({ meter: { meterId }, nextFromMs }) => ({ meterId, nextFromMs })),
  );
  return true;
}
