import { failPointMeaning } from './failPoint.ts';
import type { FailPoint } from './failPoint.ts';
import type { FaultKind } from './kinds.ts';
import type { GatewayCounts } from './gateway.ts';

export type MemoryLine = { readonly name: string; readonly mibMax: number };

export type FaultReport = {
  readonly seed: number;
  readonly tookMs: number;
  readonly kills: number;
  readonly killsByKind: ReadonlyMap<string, number>;
  readonly killsByFailPoint: ReadonlyMap<FailPoint, number>;
  /** Other faults, by kind. */
  readonly others: ReadonlyMap<string, number>;
  /** Milliseconds until all was well again, by kind. */
  readonly recoveries: ReadonlyMap<string, readonly number[]>;
  readonly notRecovered: readonly string[];
  readonly absent: readonly string[];
  readonly batches: { made: number; acknowledged: number; sends: number };
  readonly readings: number;
  readonly chargedMicros: bigint;
  readonly gateways: GatewayCounts;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly wrong: readonly string[];
  readonly planted: ReadonlyMap<string, string | null>;
  readonly judged: number;
  readonly replayed: string;
  readonly memory: readonly MemoryLine[];
  readonly ownEnds: readonly string[];
  readonly updates: {
    readonly messages: number;
    readonly heard: number;
    /** Of the rated events; what a killed broker had in its memory. */
    readonly unheard: number;
    readonly changesFollowed: number;
    readonly followerReconnects: number;
  };
  readonly outageS: number;
};

/** Goals of recovery on a machine with two cores, milliseconds. */
export const recoveryGoalMs: Readonly<Partial<Record<FaultKind, number>>> = {
  api: 5_000,
  ingest: 5_000,
  worker: 5_000,
  postgres: 10_000,
  backend: 10_000,
  flush: 60_000,
};

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length / 2)];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function listOf(map: ReadonlyMap<string, number>): string {
  const parts = [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([k, n]) => `${k} ${n}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function recoveryLines(report: FaultReport): string[] {
  return [...report.recoveries].map(([kind, times]) => {
    const goalMs = Object.entries(recoveryGoalMs).find(([name]) => name === kind)?.[1];
    const goal = goalMs === undefined ? '' : `, goal ${seconds(goalMs)}`;
    const median = seconds(medianOf(times));
    const max = seconds(Math.max(...times));
    const count = String(times.length).padStart(4);
    return `  ${kind.padEnd(9)} ${count} times, median ${median}, max ${max}${goal}`;
  });
}

function pointLines(kills: ReadonlyMap<FailPoint, number>): string[] {
  return [...kills]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([point, count]) => {
      const times = String(count).padStart(4);
      return `  ${point.padEnd(14)} ${times} times: ${failPointMeaning[point]}`;
    });
}

const toldMax = 20;

export function reportText(report: FaultReport): string {
  const { batches, gateways, updates } = report;
  const memory = report.memory.map(({ name, mibMax }) => `${name} ${mibMax} MiB`);
  const problems = [...report.lost, ...report.duplicated, ...report.wrong];
  return [
    `seed ${report.seed}, ${seconds(report.tookMs)}, ${report.kills} kills`,
    `kills by kind: ${listOf(report.killsByKind)}`,
    'kills at named points:',
    ...pointLines(report.killsByFailPoint),
    `other faults: ${listOf(report.others)}`,
    ...(report.absent.length === 0 ? [] : [`not here: ${report.absent.join('; ')}`]),
    'recovery:',
    ...recoveryLines(report),
    ...report.notRecovered.map((text) => `  NOT RECOVERED: ${text}`),
    `gateways: ${batches.made} batches made, ${batches.sends} times sent, ` +
      `${batches.acknowledged} with a receipt; ${gateways.unanswered} sends unanswered, ` +
      `${gateways.pushedBack} pushed back, ${gateways.duplicates} answered as duplicates, ` +
      `${gateways.refusedOnPurpose} spoiled ones refused, ${gateways.gapsAskedFor} gaps asked for`,
    `readings ${report.readings}, charged ${report.chargedMicros} micros by hand and by the books`,
    `updates: ${updates.messages} messages at the broker, ${updates.unheard} events unheard; ` +
      `${updates.changesFollowed} balance changes followed ` +
      `over ${updates.followerReconnects} breaks`,
    `memory at most: ${memory.join(', ')}`,
    ...report.ownEnds.slice(0, toldMax).map((text) => `  ended by itself: ${text}`),
    `judged ${report.judged} times; ${report.replayed}`,
    ...[...report.planted].map(([name, found]) => `planted ${name}: ${found ?? 'NOT FOUND'}`),
    ...problems.slice(0, toldMax).map((text) => `  ${text}`),
    `lost / duplicated / wrong: ` +
      `${report.lost.length} / ${report.duplicated.length} / ${report.wrong.length}`,
    '',
  ].join('\n');
}

/** JSON without bigints and maps. */
export function reportJson(report: FaultReport): string {
  return JSON.stringify(report, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Map ? Object.fromEntries(value) : value;
  });
}
