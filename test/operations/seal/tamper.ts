import type postgres from 'postgres';
import { inOneSnapshot } from '../../../src/db/reconciliation.ts';
import type { DoctorFinding } from '../../../src/operations/doctor/check.ts';
import { verifySeals } from '../../../src/operations/seal/verifySeals.ts';
import type { Checkpoint } from '../../../src/wire/checkpoint.ts';
import { SeededRandom } from '../../simulate/seededRandom.ts';
import { tamperBlocks } from './tamperBlocks.ts';
import { tamperRows } from './tamperRows.ts';
import type { TamperWorld } from './tamperWorld.ts';

export type Tx = postgres.TransactionSql<{ bigint: bigint }>;

/** What was done, and what a finding must say of it. */
export type Tampering = {
  readonly kind: string;
  readonly told: string;
  /** Each must be the subject of a finding; a last `*` stands for any text. */
  readonly subjects: readonly string[];
};

export type Tamper = (tx: Tx, random: SeededRandom) => Promise<Tampering>;

const tamperings: readonly Tamper[] = [...tamperRows, ...tamperBlocks];

class Undone extends Error {}

async function* each(checkpoints: readonly Checkpoint[]): AsyncGenerator<Checkpoint> {
  yield* checkpoints;
}

async function findAll(tx: Tx, world: TamperWorld): Promise<DoctorFinding[]> {
  const found: DoctorFinding[] = [];
  const checkpoints = each(world.checkpoints.kept);
  const context = { tx, checkpoints, trustedKeys: [], onProgress: () => {} };
  for await (const finding of verifySeals(context)) found.push(finding);
  return found;
}

function isNamed(subject: string, found: readonly DoctorFinding[]): boolean {
  if (!subject.endsWith('*')) return found.some((each) => each.subject === subject);
  return found.some((each) => each.subject.startsWith(subject.slice(0, -1)));
}

export type TamperReport = {
  /** How many of each kind were done; all of them were found but for the missed. */
  readonly kinds: ReadonlyMap<string, number>;
  readonly missed: readonly string[];
};

/** Random tamperings, each undone before the next; every one must be found and named. */
export async function tamper(
  world: TamperWorld,
  options: { readonly count: number; readonly seed: number; onProgress(done: number): void },
): Promise<TamperReport> {
  const random = new SeededRandom(options.seed);
  const kinds = new Map<string, number>();
  const missed: string[] = [];
  for (let done = 0; done < options.count; done += 1) {
    const work = tamperings[random.below(tamperings.length)];
    await world.owner
      .begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        const { kind, told, subjects } = await work(tx, random);
        const found = await findAll(tx, world);
        const unnamed = subjects.filter((subject) => !isNamed(subject, found));
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        if (unnamed.length > 0 || found.length === 0) {
          missed.push(`${kind}: ${told}: ${unnamed.join(', ')} not named`);
        }
        throw new Undone();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    options.onProgress(done + 1);
  }
  const left = await inOneSnapshot(world.writer.sql, (tx) => findAll(tx, world));
  for (const { code, subject } of left) missed.push(`left behind: ${code} ${subject}`);
  return { kinds, missed };
}
