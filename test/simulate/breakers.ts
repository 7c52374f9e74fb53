import { accept, refuse } from '../../src/domain/outcome.ts';
import type { CommandLink, SwitchTarget } from '../../src/operations/sendCommand.ts';
import type { SeededRandom } from './seededRandom.ts';

type Breaker = {
  isClosed: boolean;
  /** It moves later than anybody waits for; another word before then takes its place. */
  late: { readonly isClosed: boolean; readonly atMs: number } | null;
  /** It says that it has done what it did not do, and nobody can know. */
  hasLied: boolean;
};

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
  readonly #byUnit = new Map<number, Breaker>();
  readonly #lied = new Set<number>();

  constructor(random: SeededRandom, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
  }

  at(unitId: number): Breaker {
    const known = this.#byUnit.get(unitId) ?? { isClosed: true, late: null, hasLied: false };
    this.#byUnit.set(unitId, known);
    if (known.late !== null && known.late.atMs <= this.#nowMs()) {
      known.isClosed = known.late.isClosed;
      known.late = null;
    }
    return known;
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
    const breaker = this.at(unitId);
    const mood = this.#mood(unitId, on);
    const done = accept({ acknowledgedAtMs: this.#nowMs() });
    switch (mood) {
      case 'late': {
        const atMs = this.#nowMs() + this.#random.between(1, 300) * 1_000;
        breaker.late = { isClosed: on, atMs };
        return silence;
      }
      case 'refuses':
        return refuse('DEVICE_REFUSED', 'It will not.');
      case 'lies':
        breaker.late = null;
        breaker.hasLied = true;
        return done;
      case 'answers':
      case 'answer lost':
        breaker.late = null;
        breaker.hasLied = false;
        breaker.isClosed = on;
        return mood === 'answers' ? done : silence;
    }
  }

  #readBack(unitId: number, on: boolean) {
    const breaker = this.at(unitId);
    if (!this.isCalm && this.#random.chance(0.1)) return silence;
    const isSo = breaker.isClosed === on || breaker.hasLied;
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
