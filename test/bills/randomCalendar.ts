import { reachableRules } from '../simulate/reachableRules.ts';
import type { SeededRandom } from '../simulate/seededRandom.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

export type CalendarText = NonNullable<TariffText['calendars']>[number];

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const periods = ['peak', 'shoulder', 'valley', 'night'] as const;
const dayMs = 86_400_000;

export function two(value: number): string {
  return String(value).padStart(2, '0');
}

export function pickSome<T>(random: SeededRandom, items: readonly T[], probability = 0.5): T[] {
  return items.filter(() => random.chance(probability));
}

/** A quarter hour of the day, more often a whole hour. */
function timeText(random: SeededRandom): string {
  const minute = random.chance(0.5) ? 0 : 15 * random.below(4);
  return `${two(random.below(24))}:${two(minute)}`;
}

/** A date within three days of the time that is billed, so that something changes in it. */
function dateNear(random: SeededRandom, aboutMs: number): string {
  return new Date(aboutMs + (random.below(7) - 3) * dayMs).toISOString().slice(0, 10);
}

function seasonsOf(random: SeededRandom, aboutMs: number): NonNullable<CalendarText['seasons']> {
  const monthDay = (): string => dateNear(random, aboutMs).slice(5);
  const seasons = pickSome(random, ['warm', 'cold', 'wet'], 0.6);
  return seasons.map((name) => ({
    name,
    spans: Array.from({ length: random.between(1, 2) }, () => ({
      from: random.chance(0.7) ? monthDay() : `${two(random.between(1, 12))}-01`,
      through: random.chance(0.7) ? monthDay() : `${two(random.between(1, 12))}-15`,
    })),
  }));
}

function dayTypesOf(random: SeededRandom, aboutMs: number): NonNullable<CalendarText['dayTypes']> {
  return pickSome(random, ['holiday', 'rest'], 0.6).map((name) => ({
    name,
    weekdays: pickSome(random, weekdays, 0.3),
    dates: [dateNear(random, aboutMs)],
    yearly: random.chance(0.3) ? [dateNear(random, aboutMs).slice(5)] : [],
  }));
}

/** Rules in any order and overlapping, and a last one for the rest. */
export function randomCalendar(random: SeededRandom, name: string, aboutMs: number): CalendarText {
  const seasons = seasonsOf(random, aboutMs);
  const dayTypes = dayTypesOf(random, aboutMs);
  const rules = Array.from({ length: random.below(6) }, () => {
    const from = timeText(random);
    const to = random.chance(0.2) ? '24:00' : timeText(random);
    return {
      from,
      to: to === from ? '24:00' : to,
      period: random.pick(periods),
      seasons: pickSome(random, seasons, 0.4).map((season) => season.name),
      dayTypes: pickSome(random, dayTypes, 0.4).map((type) => type.name),
    };
  });
  const rest = { from: '00:00', to: '24:00', period: random.pick(periods) };
  return reachableRules({ name, seasons, dayTypes, rules: [...rules, rest] });
}

export function periodNames({ rules }: CalendarText): readonly string[] {
  return [...new Set(rules.map(({ period }) => period))];
}
