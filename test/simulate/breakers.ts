import { accept, refuse } from '../../src/domain/outcome.ts';
import type { CommandLink, SwitchTarget } from '../../src/operations/sendCommand.ts';
import type { SeededRandom } from './seededRandom.ts';
import type { SupplyLine } from './supplyLine.ts';

export type Mood = 'answers' | 'late' | 'refuses' | 'answer lost' | 'lies';

const moods: readonly Mood[] = [
  ...Array.from({ length: 6 }, () => 'answers' as const),
  'late',
  'late',
  'refuses',
  'answer lost',
  'answer lost',
  'lies',
];

const silence = refuse('DEVICE_TIMEOUT', 'It did not answer.');

/** The far end of the wire: contactors by their unit, each with a will of its own. */
export class Breakers {
  /** They do as they are told from now on. */
  isCalm = false;
  readonly #random: SeededRandom;
  readonly #nowMs: () => number;
  readonly #lines: ReadonlyMap<number, SupplyLine>;
  readonly #lied = new Set<number>();

  constructor(
    random: SeededRandom,
    given: { readonly lines: ReadonlyMap<number, SupplyLine>; nowMs(): number },
  ) {
    this.#random = random;
    this.#lines = given.lines;
    this.#nowMs = given.nowMs;
  }

  at(unitId: number): SupplyLine {
    const line = this.#lines.get(unitId);
    if (line === undefined) throw new Error(`the world has no contactor ${unitId}`);
    return line;
  }

  /** One lies once in its life, and of a cut alone: nobody would ever know of the other. */
  #mood(unitId: number, on: boolean): Mood {
    const mood = this.isCalm ? 'answers' : this.#random.pick(moods);
    if (mood !== 'lies') return mood;
    if (on || this.#lied.has(unitId)) return 'answers';
    this.#lied.add(unitId);
    return mood;
  }

  #write(unitId: number, on: boolean) {
    const line = this.at(unitId);
    const mood = this.#mood(unitId, on);
    const nowMs = this.#nowMs();
    const done = accept({ acknowledgedAtMs: nowMs });
    switch (mood) {
      case 'late': {
        const atMs = nowMs + this.#random.between(1, 300) * 1_000;
        line.writeLate(on, { nowMs, atMs });
        return silence;
      }
      case 'refuses':
        return refuse('DEVICE_REFUSED', 'It will not.');
      case 'lies':
        line.lie(nowMs);
        return done;
      case 'answers':
      case 'answer lost':
        line.write(on, nowMs);
        return mood === 'answers' ? done : silence;
    }
  }

  #readBack(unitId: number, on: boolean) {
    const line = this.at(unitId);
    if (!this.isCalm && this.#random.chance(0.1)) return silence;
    const isSo = line.isClosedAt(this.#nowMs()) === on || line.hasLied;
    if (!isSo) return refuse('SWITCH_NOT_VERIFIED', 'It stands otherwise.');
    return accept({ verifiedAtMs: this.#nowMs(), powerW: null });
  }

  /** `beforeWriting` sees what is about to be written, and may throw. */
  link(beforeWriting: (target: SwitchTarget, on: boolean) => Promise<void>): CommandLink {
    const unlimited = () => Promise.reject(new Error('nothing is limited in this world'));
    return {
      writeSwitch: async (target, on) => {
        await beforeWriting(target, on);
        return this.#write(target.contactorUnitId, on);
      },
      verifySwitch: (target, on) => Promise.resolve(this.#readBack(target.contactorUnitId, on)),
      writeLimit: unlimited,
      verifyLimit: unlimited,
    };
  }
}
