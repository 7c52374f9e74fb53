import { z } from 'zod';
import { assert } from '../assert.ts';
import { parseDecimal, parseMicros } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import { foundIn, wordsOf } from '../tariff/shapeWords.ts';
import { hourMs, isCivilDate, minuteMs } from '../time/civil.ts';
import { parseDate } from '../time/localText.ts';
import { policyShape } from './policyShape.ts';
import type { PolicyShape } from './policyShape.ts';

/** The name of the policy that an account is under when nothing else was said. */
export const standardPolicy = 'standard';

/** Minutes of the local day; it ends on the day after when `toMinute` is not above `fromMinute`. */
export type ProtectedSpan = {
  /** ISO 8601: Monday 1 to Sunday 7, of the day on which it begins. */
  readonly weekdays: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
};

/** A threshold with its text, which names it in `notice_arm`. */
export type BalanceThreshold = { readonly text: string; readonly micros: bigint };

export type Allocation = {
  readonly to: 'debt' | 'energy';
  /** Of the whole payment, in millionths; null: as much as there is to pay. */
  readonly sharePpm: number | null;
};

/**
 * What a company promises its prepaid customers, as it was read, defaults filled in. Made by
 * `parsePolicy` or `defaultPolicy` only.
 */
export type PrepaidPolicy = {
  readonly name: string;
  readonly warnings: {
    readonly days: readonly number[];
    readonly balances: readonly BalanceThreshold[];
  };
  readonly emergencyCredit: {
    readonly amountMicros: bigint;
    readonly selectableBelowMicros: bigint;
  } | null;
  readonly protectedHours: readonly ProtectedSpan[];
  readonly protectedHolidays: {
    /** Local days since 1970-01-01. */
    readonly days: ReadonlySet<number>;
    /** `MM-DD` of every year. */
    readonly yearly: ReadonlySet<string>;
  };
  readonly weather: {
    readonly heatDaysAfter: number;
    readonly coldDaysAfter: number;
    readonly stormDaysAfter: number;
  } | null;
  readonly notice: { readonly beforeMs: number; readonly mustBeDelivered: boolean } | null;
  readonly dataAgeMsMax: number;
  readonly balanceLimits: {
    readonly connectionMaxMicros: bigint;
    readonly disconnectionMaxMicros: bigint;
  } | null;
  readonly debt: { readonly suspendInEmergencyCredit: boolean };
  readonly allocation: readonly Allocation[];
  readonly loadLimit: { readonly powerW: number; readonly tripAfterMs: number } | null;
  readonly breaker: { readonly cutsMax: number; readonly windowMs: number };
  readonly standingChargeWhileDisconnected: boolean;
};

export type PolicyCode = 'PREPAID_POLICY_MALFORMED';
type Read<T> = Outcome<T, PolicyCode>;

function refuseAt(path: readonly PropertyKey[], message: string): Refused<PolicyCode> {
  const texts = path.map(String);
  const where = texts.length === 0 ? 'The policy' : texts.join('.');
  return refuse('PREPAID_POLICY_MALFORMED', `${where}: ${message}.`, texts);
}

function readAmount(
  text: string,
  path: readonly PropertyKey[],
  { isPositive = false }: { isPositive?: boolean } = {},
): Read<bigint> {
  const micros = parseMicros(text);
  if (!micros.ok) return refuseAt(path, 'write an amount such as "10.00", in quotes');
  if (isPositive && micros.value <= 0n) return refuseAt(path, 'the amount is above zero');
  return accept(micros.value);
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function readSpans(spans: PolicyShape['protectedHours']): Read<readonly ProtectedSpan[]> {
  const read: ProtectedSpan[] = [];
  for (const [index, { weekdays, from, to }] of spans.entries()) {
    const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
    if (fromMinute === toMinute) {
      const message = 'it begins and ends at the same time; a whole day is 00:00 to 24:00';
      return refuseAt(['protectedHours', index, 'to'], message);
    }
    if (fromMinute === 1_440) {
      return refuseAt(['protectedHours', index, 'from'], 'a span begins at 23:59 at the latest');
    }
    read.push({ weekdays: [...new Set(weekdays)], fromMinute, toMinute });
  }
  return accept(read);
}

function readHolidays(dates: readonly string[]): Read<PrepaidPolicy['protectedHolidays']> {
  const days = new Set<number>();
  const yearly = new Set<string>();
  for (const [index, date] of dates.entries()) {
    const refusal = refuseAt(
      ['protectedHolidays', index],
      'there is no such date from 1970 to 2199; correct it',
    );
    if (date.length === 5) {
      const [month = 0, day = 0] = date.split('-').map(Number);
      // A leap year: 02-29 is a holiday where the day exists.
      if (!isCivilDate({ year: 2_024, month, day })) return refusal;
      yearly.add(date);
      continue;
    }
    const day = parseDate(date);
    if (!day.ok) return refusal;
    days.add(day.value);
  }
  return accept({ days, yearly });
}

function readEmergency(
  raw: PolicyShape['emergencyCredit'],
): Read<PrepaidPolicy['emergencyCredit']> {
  if (raw === null) return accept(null);
  const path = 'emergencyCredit';
  const amount = readAmount(raw.amount, [path, 'amount'], { isPositive: true });
  if (!amount.ok) return amount;
  const below = readAmount(raw.selectableBelow, [path, 'selectableBelow']);
  if (!below.ok) return below;
  return accept({ amountMicros: amount.value, selectableBelowMicros: below.value });
}

function readLimits(raw: PolicyShape['balanceLimits']): Read<PrepaidPolicy['balanceLimits']> {
  if (raw === null) return accept(null);
  const connection = readAmount(raw.connectionMax, ['balanceLimits', 'connectionMax']);
  if (!connection.ok) return connection;
  const disconnection = readAmount(raw.disconnectionMax, ['balanceLimits', 'disconnectionMax']);
  if (!disconnection.ok) return disconnection;
  if (disconnection.value > connection.value) {
    const message = 'it is above connectionMax: whoever is connected again would be cut at once';
    return refuseAt(['balanceLimits', 'disconnectionMax'], message);
  }
  return accept({
    connectionMaxMicros: connection.value,
    disconnectionMaxMicros: disconnection.value,
  });
}

function readBalances(texts: readonly string[]): Read<readonly BalanceThreshold[]> {
  const balances: BalanceThreshold[] = [];
  for (const [index, text] of texts.entries()) {
    const path = ['warnings', 'balances', index];
    const micros = readAmount(text, path);
    if (!micros.ok) return micros;
    if (balances.some((known) => known.micros === micros.value)) {
      return refuseAt(path, 'the amount stands there already');
    }
    balances.push({ text, micros: micros.value });
  }
  return accept(balances);
}

function readAllocation(rules: PolicyShape['allocation']): Read<readonly Allocation[]> {
  const read: Allocation[] = [];
  for (const [index, { to, share }] of rules.entries()) {
    if (read.some((known) => known.to === to)) {
      return refuseAt(['allocation', index, 'to'], `${to} stands there already`);
    }
    const ppm = share === undefined ? null : parseDecimal(share, 6);
    if (ppm !== null && (!ppm.ok || ppm.value <= 0n || ppm.value > 1_000_000n)) {
      const message = 'write a share above 0 and at most 1, such as "0.25", in quotes';
      return refuseAt(['allocation', index, 'share'], message);
    }
    read.push({ to, sharePpm: ppm === null ? null : Number(ppm.value) });
  }
  if (read.some(({ to }) => to === 'energy')) return accept(read);
  return refuseAt(['allocation'], 'what is left of a payment is for energy; name it, too');
}

export function parsePolicy(raw: unknown): Read<PrepaidPolicy> {
  const shaped = policyShape.safeParse(raw, { error: wordsOf });
  if (!shaped.success) {
    const [issue] = shaped.error.issues;
    const found = issue === undefined ? { path: [], message: 'it is unreadable' } : foundIn(issue);
    return refuseAt(found.path, found.message);
  }
  const { data } = shaped;
  const repeated = data.warnings.days.findIndex(
    (days, index) => data.warnings.days.indexOf(days) !== index,
  );
  if (repeated !== -1) {
    return refuseAt(['warnings', 'days', repeated], 'the number stands there already');
  }
  const balances = readBalances(data.warnings.balances);
  if (!balances.ok) return balances;
  const emergencyCredit = readEmergency(data.emergencyCredit);
  if (!emergencyCredit.ok) return emergencyCredit;
  const protectedHours = readSpans(data.protectedHours);
  if (!protectedHours.ok) return protectedHours;
  const protectedHolidays = readHolidays(data.protectedHolidays);
  if (!protectedHolidays.ok) return protectedHolidays;
  const balanceLimits = readLimits(data.balanceLimits);
  if (!balanceLimits.ok) return balanceLimits;
  const allocation = readAllocation(data.allocation);
  if (!allocation.ok) return allocation;
  const { notice, loadLimit, breaker } = data;
  return accept({
    name: data.name,
    warnings: { days: data.warnings.days, balances: balances.value },
    emergencyCredit: emergencyCredit.value,
    protectedHours: protectedHours.value,
    protectedHolidays: protectedHolidays.value,
    weather: data.weather,
    notice:
      notice === null
        ? null
        : { beforeMs: notice.hoursBefore * hourMs, mustBeDelivered: notice.delivered },
    dataAgeMsMax: data.dataAgeMinutes * minuteMs,
    balanceLimits: balanceLimits.value,
    debt: data.debt,
    allocation: allocation.value,
    loadLimit:
      loadLimit === null
        ? null
        : { powerW: loadLimit.powerW, tripAfterMs: loadLimit.tripAfterMinutes * minuteMs },
    breaker: { cutsMax: breaker.cutsMax, windowMs: breaker.minutes * minuteMs },
    standingChargeWhileDisconnected: data.standingChargeWhileDisconnected,
  });
}

let made: PrepaidPolicy | null = null;

/** What holds where a company has published nothing: it stands on the customer's side. */
export function defaultPolicy(): PrepaidPolicy {
  if (made !== null) return made;
  const parsed = parsePolicy({ name: standardPolicy });
  assert(parsed.ok, 'the defaults are a policy');
  made = parsed.value;
  return made;
}

/** JSON Schema of what people write, for editors and other programs. */
export function policyJsonSchema(): object {
  const schema = z.toJSONSchema(policyShape, { io: 'input', reused: 'ref' });
  return { title: 'What is promised to prepaid customers', ...schema };
}
