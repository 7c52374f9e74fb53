import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { rateJob } from '../../src/domain/rating/job.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { SeededRandom } from '../../test/simulate/seededRandom.ts';
import { faultWeights, inflict, serverOf } from './kinds.ts';
import type { FaultKind, Scene } from './kinds.ts';
import { judge } from './oracle.ts';
import { plant } from './planted.ts';
import type { FaultReport } from './report.ts';
import { openStage } from './stage.ts';
import type { Stage, StageOptions } from './stage.ts';
import { reportOf, Tally } from './tally.ts';
import { untilTrue } from './watch.ts';

export type FaultOptions = StageOptions & {
  /** The run ends with so many kills, or when the time is over. */
  readonly killsMax: number;
  readonly msMax: number;
  /** Postgres is away for so long, once. */
  readonly outageS: number;
  /** So many faults may be under way at once; recovery times then hold each other up. */
  readonly lanes: number;
  /** Between two looks at all the books. */
  readonly faultsPerJudgement: number;
  /** Also rates the whole log again at the end and compares. */
  readonly replays: boolean;
};

const drainMsMax = 240_000;
const toldMsMax = 60_000;

/** One seed: a deployment, its faults, and what became of it. */
export class FaultRun {
  readonly #options: FaultOptions;
  readonly #folder: string;
  readonly #random: SeededRandom;
  readonly #tally = new Tally();
  readonly #busy = new Set<string>();
  readonly #closers: (() => Promise<void> | void)[] = [];

  constructor(options: FaultOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#folder = mkdtempSync(join(tmpdir(), 'joulebook-faults-'));
    chmodSync(this.#folder, 0o755);
  }

  async run(): Promise<FaultReport> {
    const beganMs = performance.now();
    const { seed, outageS } = this.#options;
    if (process.env['FAULTS_KEEP'] === undefined) {
      this.#closers.push(() => rmSync(this.#folder, { recursive: true, force: true }));
    }
    try {
      const stage = await openStage({
        options: this.#options,
        folder: this.#folder,
        random: this.#random,
        tally: this.#tally,
        closers: this.#closers,
      });
      await this.#faults(stage, beganMs);
      if (outageS > 0) await this.#outage(stage);
      await this.#judge(stage, true);
      return reportOf(this.#tally, stage, { seed, outageS, tookMs: performance.now() - beganMs });
    } finally {
      await this.close();
    }
  }

  /** Nothing is left running; also called when the run is interrupted. */
  async close(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await closer();
    }
  }

  #say(line: string): void {
    this.#options.onProgress(line);
  }

  #drawKind(): FaultKind {
    const { kinds } = this.#options;
    const total = kinds.reduce((sum, kind) => sum + faultWeights[kind], 0);
    let draw = this.#random.below(total);
    for (const kind of kinds) {
      draw -= faultWeights[kind];
      if (draw < 0) return kind;
    }
    return kinds[0];
  }

  async #faults(stage: Stage, beganMs: number): Promise<void> {
    const { killsMax, msMax, faultsPerJudgement, lanes } = this.#options;
    const isOver = (): boolean =>
      this.#tally.killCount >= killsMax || performance.now() - beganMs > msMax;
    while (!isOver()) {
      let left = faultsPerJudgement;
      const lane = async (): Promise<void> => {
        for (; left > 0 && !isOver(); left -= 1) {
          await this.#inflictFree(stage.scene);
          await delay(this.#random.between(100, 800));
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      if (!isOver()) await this.#judge(stage, false);
    }
  }

  /** One of the kinds whose server no other lane is at. */
  async #inflictFree(scene: Scene): Promise<void> {
    const kind = this.#drawKind();
    const server = serverOf(kind);
    if (server !== null && this.#busy.has(server)) return;
    if (server !== null) this.#busy.add(server);
    try {
      await this.#inflict(kind, scene);
    } finally {
      if (server !== null) this.#busy.delete(server);
    }
  }

  async #inflict(kind: FaultKind, scene: Scene): Promise<void> {
    const tookMs = await inflict(kind, scene);
    if (tookMs === undefined) return;
    this.#tally.countFault(kind, tookMs);
    const kills = String(this.#tally.killCount).padStart(4);
    const well = tookMs === null ? 'NOT RECOVERED' : `well after ${(tookMs / 1_000).toFixed(1)} s`;
    this.#say(`${kills} kills  ${kind.padEnd(9)} ${well}`);
  }

  async #outage({ scene, gateways }: Stage): Promise<void> {
    const { outageS } = this.#options;
    this.#say(`Postgres is away for ${outageS} s`);
    await scene.postgres.kill();
    const endMs = performance.now() + outageS * 1_000;
    while (performance.now() < endMs) {
      await delay(Math.min(10_000, outageS * 250));
      const rss = scene.deployment.roles.map(
        (role) => `${role.spec.name} ${Math.round(role.sampleMemory() / 1_024)} MiB`,
      );
      const waiting = gateways.reduce((sum, { unacknowledged }) => sum + unacknowledged, 0);
      this.#say(`  ${waiting} batches wait at the gateways; ${rss.join(', ')}`);
    }
    await scene.postgres.start();
    const fromMs = performance.now();
    const isEmpty = (): boolean => gateways.every(({ unacknowledged }) => unacknowledged < 64);
    const took = await untilTrue(isEmpty, { fromMs, msMax: outageS * 2_000 + 60_000 });
    if (took === null) this.#tally.notRecovered.push(`outage of ${outageS} s`);
    else this.#tally.countRecovery('outage', took);
  }

  /** Every receipt is there, every cursor at its end. */
  async #rest({ scene, journal, gateways }: Stage): Promise<void> {
    await Promise.all(gateways.map((gateway) => gateway.stopMaking()));
    const isSent = (): boolean => journal.openCount() === 0;
    const wait = { msMax: drainMsMax, stepMs: 100 };
    await untilTrue(isSent, { fromMs: performance.now(), ...wait });
    const isDone = async (): Promise<boolean> => {
      const places = await scene.watch.places();
      return (
        places !== null &&
        places.duties === 0 &&
        (scene.listener === null || places.relayBehind === 0n) &&
        places.heads.every((head, shard) => head === places.cursors[shard])
      );
    };
    const rested = await untilTrue(isDone, { fromMs: performance.now(), ...wait });
    if (rested === null) this.#tally.wrong.push('DUTY_LEFT: the cursors did not come to the end');
  }

  /** Lets everything come to rest, looks at all the books, and goes on. */
  async #judge(stage: Stage, isLast: boolean): Promise<void> {
    const { scene, gateways, journal, ground } = stage;
    const tally = this.#tally;
    await this.#rest(stage);
    const { replays } = this.#options;
    const isRelayed = scene.listener !== null;
    const verdict = await judge({ admin: scene.watch.admin, journal, ground, isRelayed });
    tally.judged += 1;
    tally.readings = verdict.readings;
    tally.chargedMicros = verdict.chargedMicros;
    tally.lost.push(...verdict.lost);
    tally.duplicated.push(...verdict.duplicated);
    tally.wrong.push(...verdict.wrong);
    await this.#judgeListeners(stage);
    this.#say(
      `judged: ${verdict.batches} batches, ${verdict.readings} readings; ` +
        `lost / duplicated / wrong ${tally.verdict()}`,
    );
    if (isLast && replays) await this.#replay(scene.postgres.url);
    if (isLast) await this.#judgePlanted(stage);
    if (!isLast) for (const gateway of gateways) gateway.makeAgain();
  }

  /** When all has been judged: each planted fault must be seen by a word of its own. */
  async #judgePlanted({ scene, journal, ground }: Stage): Promise<void> {
    const tally = this.#tally;
    const known = new Set([...tally.lost, ...tally.duplicated, ...tally.wrong]);
    for (const planted of this.#options.planted) {
      if (planted === 'acknowledgesBeforeCommit') {
        // It was at work all the time.
        tally.planted.set(
          planted,
          tally.lost.find((text) => text.startsWith('BATCH_LOST')) ?? null,
        );
        continue;
      }
      const { admin } = scene.watch;
      await plant(planted, { admin, journal, ground });
      const { lost, wrong } = await judge({ admin, journal, ground, isRelayed: false });
      const found = [...lost, ...wrong].find((text) => !known.has(text)) ?? null;
      for (const text of [...lost, ...wrong]) known.add(text);
      tally.planted.set(planted, found);
      this.#say(`planted ${planted}: ${found ?? 'NOT FOUND'}`);
    }
  }

  async #judgeListeners({ scene, accountId, gateways }: Stage): Promise<void> {
    const { watch, listener, follower } = scene;
    const tally = this.#tally;
    const [row] = await watch.admin<[{ micros: bigint } | undefined]>`
      select balance_micros as micros from account_balance where account_id = ${accountId}`;
    const isTold = (): boolean => follower.balanceMicros === (row?.micros ?? 0n);
    const told = await untilTrue(isTold, { fromMs: performance.now(), msMax: toldMsMax });
    if (told === null) {
      const text = `account ${accountId}: told ${follower.balanceMicros}, is ${row?.micros}`;
      tally.wrong.push(`EVENT_LOST: ${text}`);
    }
    tally.wrong.push(...follower.broken.splice(0));
    const spoiled = gateways.reduce((sum, { counts }) => sum + counts.acceptedWrongly, 0);
    if (spoiled > 0) tally.wrong.push(`SPOILED_ACCEPTED: ${spoiled} spoiled batches, receipts`);
    if (listener === null) return;
    const events = await watch.admin<{ key: string }[]>`
      select shard || '/' || sequence as key from event where kind = 'rated'`;
    tally.unheard = events.filter(({ key }) => !listener.heard.has(key)).length;
    if (tally.unheard > 0 && !tally.kills.has('broker')) {
      tally.wrong.push(`UPDATE_LOST: ${tally.unheard} rated events were never heard`);
    }
  }

  async #replay(ownerUrl: string): Promise<void> {
    const tally = this.#tally;
    this.#say('replaying the log into empty tables');
    const replayed = await replayLog({
      ownerUrl,
      seed: `faults-${this.#options.seed}`,
      rate: (job) => Promise.resolve(rateJob(job)),
      onStep: () => {},
    });
    if (!replayed.ok) {
      tally.wrong.push(`${replayed.code}: ${replayed.message}`);
      return;
    }
    const { batches, rowsCompared, differenceCount, differences } = replayed.value;
    const rated = `${batches} batches rated again`;
    tally.replayed = `${rated}, ${rowsCompared} rows, ${differenceCount} differ`;
    for (const { code, key } of differences) tally.wrong.push(`${code}: ${key} when replayed`);
  }
}
