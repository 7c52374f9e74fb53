import type { FailPoint } from './failPoint.ts';
import type { GatewayCounts } from './gateway.ts';
import { killKinds } from './kinds.ts';
import type { FaultKind } from './kinds.ts';
import type { Planted } from './planted.ts';
import type { FaultReport } from './report.ts';
import type { Stage } from './stage.ts';

function raise<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** What has happened in a run, and what was found. */
export class Tally {
  readonly kills = new Map<FaultKind, number>();
  readonly failPointKills = new Map<FailPoint, number>();
  readonly others = new Map<FaultKind, number>();
  readonly recoveries = new Map<string, number[]>();
  readonly notRecovered: string[] = [];
  /** What this machine does not have. */
  readonly absent: string[] = [];
  readonly lost: string[] = [];
  readonly duplicated: string[] = [];
  readonly wrong: string[] = [];
  /** Each planted fault, and the words by which it was seen; null: it was not. */
  readonly planted = new Map<Planted, string | null>();
  judged = 0;
  replayed = 'not replayed';
  readings = 0;
  chargedMicros = 0n;
  unheard = 0;

  get killCount(): number {
    return sumOf(this.kills) + sumOf(this.failPointKills);
  }

  /** A process ended itself at a named point. */
  countDeath(point: FailPoint | null): void {
    if (point !== null) raise(this.failPointKills, point);
  }

  countFault(kind: FaultKind, tookMs: number | null): void {
    raise(killKinds.has(kind) ? this.kills : this.others, kind);
    if (tookMs === null) this.notRecovered.push(`${kind} after ${this.killCount} kills`);
    else this.countRecovery(kind, tookMs);
  }

  countRecovery(what: string, tookMs: number): void {
    this.recoveries.set(what, [...(this.recoveries.get(what) ?? []), tookMs]);
  }

  verdict(): string {
    return `${this.lost.length} / ${this.duplicated.length} / ${this.wrong.length}`;
  }
}

function sumGateways({ gateways }: Stage): GatewayCounts {
  const sums: GatewayCounts = {
    duplicates: 0,
    unanswered: 0,
    pushedBack: 0,
    refusedOnPurpose: 0,
    acceptedWrongly: 0,
    gapsAskedFor: 0,
  };
  for (const { counts } of gateways) {
    sums.duplicates += counts.duplicates;
    sums.unanswered += counts.unanswered;
    sums.pushedBack += counts.pushedBack;
    sums.refusedOnPurpose += counts.refusedOnPurpose;
    sums.acceptedWrongly += counts.acceptedWrongly;
    sums.gapsAskedFor += counts.gapsAskedFor;
  }
  return sums;
}

export function reportOf(
  tally: Tally,
  stage: Stage,
  { seed, outageS, tookMs }: { seed: number; outageS: number; tookMs: number },
): FaultReport {
  const { deployment, listener, follower } = stage.scene;
  const { roles } = deployment;
  return {
    seed,
    tookMs,
    outageS,
    kills: tally.killCount,
    killsByKind: tally.kills,
    killsByFailPoint: tally.failPointKills,
    others: tally.others,
    recoveries: tally.recoveries,
    notRecovered: tally.notRecovered,
    absent: tally.absent,
    batches: stage.journal.counts(),
    readings: tally.readings,
    chargedMicros: tally.chargedMicros,
    gateways: sumGateways(stage),
    lost: tally.lost,
    duplicated: tally.duplicated,
    wrong: tally.wrong,
    planted: tally.planted,
    judged: tally.judged,
    replayed: tally.replayed,
    memory: roles.map(({ spec, rssKibMax }) => ({
      name: spec.name,
      mibMax: Math.round(rssKibMax / 1_024),
    })),
    ownEnds: roles.flatMap(({ spec, ownEnds }) => ownEnds.map((text) => `${spec.name} ${text}`)),
    updates: {
      messages: listener?.messages ?? 0,
      heard: listener?.heard.size ?? 0,
      unheard: tally.unheard,
      changesFollowed: follower.changes,
      followerReconnects: follower.reconnects,
    },
  };
}
