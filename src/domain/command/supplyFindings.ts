import { formatMicros } from '../exact.ts';
import {
  firstUnprotectedMs,
  isHolidayAt,
  isProtectedHourAt,
  localDayAt,
} from '../prepaid/protectedHours.ts';
import { instantText } from '../time/instantText.ts';
import { startOfLocalDayMs } from '../time/zone.ts';
import {
  cutKindOf,
  effectiveLimitMicros,
  effectiveReconnectMicros,
  isCutKind,
} from './supplyFacts.ts';
import type { AdvisoryKind, ProtectionKind, SupplyFacts } from './supplyFacts.ts';

/** Everything that can keep a supply on, in the order in which it is told. Never reordered. */
export const supplyRules = [
  'NOT_PREPAID',
  'BALANCE_ABOVE_LIMIT',
  'OVERDRAFT',
  'EMERGENCY_CREDIT',
  'ALREADY_CUT',
  'CUT_BY_PERSON',
  'COMMAND_OPEN',
  'COOLING_DOWN',
  'LOAD_LIMIT_IMPOSSIBLE',
  'RESTORED_NOT_RECONCILED',
  'DATA_STALE',
  'DATA_DOUBTED',
  'LIFE_SUPPORT',
  'MEDICAL',
  'VULNERABLE',
  'DISPUTE',
  'WEATHER',
  'PROTECTED_HOURS',
  'HOLIDAY',
  'NOTICE_NOT_DELIVERED',
  'BREAKER_TRIPPED',
] as const;
export type SupplyRule = (typeof supplyRules)[number];

export type SupplyFinding = {
  readonly rule: SupplyRule;
  /** It keeps the supply on. */
  readonly prevents: boolean;
  /** What was looked at, in figures and instants; no name, no address. */
  readonly detail: string;
  /** When it no longer prevents, where that is known. */
  readonly untilMs: number | null;
};

type Said = Omit<SupplyFinding, 'rule'>;

function says(prevents: boolean, detail: string, untilMs: number | null = null): Said {
  return { prevents, detail, untilMs };
}

function money(micros: bigint): string {
  return formatMicros(micros, 2);
}

function sayBalance(facts: SupplyFacts): Said {
  const limit = effectiveLimitMicros(facts);
  const detail =
    `balance ${money(facts.balanceMicros)}, limit ${money(limit)}, ` +
    `back at ${money(effectiveReconnectMicros(facts))}`;
  return says(facts.balanceMicros > limit, detail);
}

/** Why the limit lies where it does, in two parts: what was agreed, and what was lent. */
function sayOverdraft({ balanceMicros, balanceLimitMicros, policy }: SupplyFacts): Said {
  const agreed = policy.balanceLimits?.disconnectionMaxMicros ?? balanceLimitMicros;
  const limit = agreed < balanceLimitMicros ? agreed : balanceLimitMicros;
  if (limit >= 0n) return says(false, 'none agreed');
  const isUsed = balanceMicros <= 0n && balanceMicros > limit;
  return says(isUsed, `${money(-limit)} agreed`);
}

function sayEmergency(facts: SupplyFacts): Said {
  const { balanceMicros, emergencyCreditMicros } = facts;
  if (emergencyCreditMicros === 0n) return says(false, 'none taken');
  const limit = effectiveLimitMicros(facts);
  const isUsed = balanceMicros <= limit + emergencyCreditMicros && balanceMicros > limit;
  return says(isUsed, `${money(emergencyCreditMicros)} taken`);
}

export function isCutAlready({ supply, policy }: SupplyFacts): boolean {
  return supply === 'disconnected' || (supply === 'limited' && policy.loadLimit !== null);
}

function sayState(facts: SupplyFacts): Said {
  return says(isCutAlready(facts), facts.supply);
}

function sayCommand({ openCommand }: SupplyFacts): Said {
  if (openCommand === null) return says(false, 'none');
  return says(true, `${openCommand.cause} ${openCommand.kind}`);
}

function sayCoolDown(facts: SupplyFacts): Said {
  const { coolDown, atMs } = facts;
  const isCooling = coolDown !== null && isCutKind(coolDown.kind) && coolDown.remainingMs > 0;
  if (!isCooling) return says(false, 'no failed cut of late');
  const untilMs = atMs + coolDown.remainingMs;
  return says(true, `a failed ${coolDown.kind}, until ${instantText(untilMs)}`, untilMs);
}

function sayLimiter(facts: SupplyFacts): Said {
  const { policy, canLimit } = facts;
  if (cutKindOf(facts) === 'disconnect') return says(false, 'the policy cuts');
  const wanted = `${policy.loadLimit?.powerW ?? 0} W instead of a cut`;
  return says(!canLimit, canLimit ? wanted : `${wanted}, and the meter has no limiter`);
}

function sayAge({ readAgeMs, policy }: SupplyFacts): Said {
  if (readAgeMs === null) return says(true, 'no reading');
  const isOld = readAgeMs > policy.dataAgeMsMax;
  return says(
    isOld,
    `${Math.round(readAgeMs / 1_000)} s old, at most ${policy.dataAgeMsMax / 1_000} s`,
  );
}

function sayProtection({ protections }: SupplyFacts, kind: ProtectionKind): Said {
  const held = protections.filter((one) => one.kind === kind);
  if (held.length === 0) return says(false, 'none');
  const ends = held.map(({ toMs }) => toMs);
  const untilMs = ends.includes(null) ? null : Math.max(...ends.map((ms) => ms ?? 0));
  return says(true, untilMs === null ? 'until ended' : `until ${instantText(untilMs)}`, untilMs);
}

const daysAfterName = {
  heat: 'heatDaysAfter',
  cold: 'coldDaysAfter',
  storm: 'stormDaysAfter',
} as const satisfies Record<AdvisoryKind, string>;

/** Whole local days: of the advisory itself, and as many after its last one as the policy says. */
function sayWeather({ advisories, policy, timeZone, atMs }: SupplyFacts): Said {
  const { weather } = policy;
  if (weather === null) return says(false, 'the policy does not ask');
  const today = localDayAt(timeZone, atMs);
  let lastDay: number | null = null;
  let kinds = '';
  for (const { kind, fromMs, toMs } of advisories) {
    const endDay = localDayAt(timeZone, toMs - 1) + weather[daysAfterName[kind]];
    if (today < localDayAt(timeZone, fromMs) || today > endDay) continue;
    lastDay = Math.max(lastDay ?? endDay, endDay);
    kinds = kinds === '' ? kind : `${kinds}, ${kind}`;
  }
  if (lastDay === null) return says(false, 'no advisory');
  const untilMs = startOfLocalDayMs(timeZone, lastDay + 1);
  return says(true, `${kinds}, until ${instantText(untilMs)}`, untilMs);
}

function sayHours({ policy, timeZone, atMs }: SupplyFacts, holdsAt: typeof isHolidayAt): Said {
  if (!holdsAt(policy, timeZone, atMs)) return says(false, 'no');
  const untilMs = firstUnprotectedMs(policy, timeZone, atMs);
  if (untilMs === null) return says(true, 'always');
  return says(true, `until ${instantText(untilMs)}`, untilMs);
}

function sayNotice({ policy, notice, atMs }: SupplyFacts): Said {
  if (policy.notice === null) return says(false, 'the policy asks for none');
  const { beforeMs, mustBeDelivered } = policy.notice;
  const word = mustBeDelivered ? 'delivered' : 'sent';
  const atOf = mustBeDelivered ? notice?.deliveredAtMs : notice?.sentAtMs;
  if (atOf === null || atOf === undefined) {
    return says(true, `no notice ${word}${notice?.isGivenUp === true ? ': given up' : ''}`);
  }
  const untilMs = atOf + beforeMs;
  const detail = `${word} ${instantText(atOf)}, cut from ${instantText(untilMs)} on`;
  return atMs < untilMs ? says(true, detail, untilMs) : says(false, detail);
}

function sayBreaker({ isBreakerTripped, cutsInWindow, policy }: SupplyFacts): Said {
  if (isBreakerTripped) return says(true, 'tripped: two people have to look');
  const { cutsMax, windowMs } = policy.breaker;
  const detail = `${cutsInWindow} of ${cutsMax} cuts of the region in ${windowMs / 60_000} min`;
  return says(cutsInWindow >= cutsMax, detail);
}

function say(facts: SupplyFacts, rule: SupplyRule): Said {
  switch (rule) {
    case 'NOT_PREPAID':
      return says(facts.mode !== 'prepaid', facts.mode);
    case 'BALANCE_ABOVE_LIMIT':
      return sayBalance(facts);
    case 'OVERDRAFT':
      return sayOverdraft(facts);
    case 'EMERGENCY_CREDIT':
      return sayEmergency(facts);
    case 'ALREADY_CUT':
      return sayState(facts);
    case 'CUT_BY_PERSON':
      return says(
        facts.supply !== 'connected' && facts.supplyCause === 'manual',
        facts.supply === 'connected' ? 'no' : facts.supplyCause,
      );
    case 'COMMAND_OPEN':
      return sayCommand(facts);
    case 'COOLING_DOWN':
      return sayCoolDown(facts);
    case 'LOAD_LIMIT_IMPOSSIBLE':
      return sayLimiter(facts);
    case 'RESTORED_NOT_RECONCILED':
      return says(!facts.isReconciled, facts.isReconciled ? 'no restore is open' : 'restored');
    case 'DATA_STALE':
      return sayAge(facts);
    case 'DATA_DOUBTED':
      return says(facts.isDoubted, facts.isDoubted ? 'validation holds readings' : 'no');
    case 'LIFE_SUPPORT':
      return sayProtection(facts, 'life_support');
    case 'MEDICAL':
      return sayProtection(facts, 'medical');
    case 'VULNERABLE':
      return sayProtection(facts, 'vulnerable');
    case 'DISPUTE':
      return sayProtection(facts, 'dispute');
    case 'WEATHER':
      return sayWeather(facts);
    case 'PROTECTED_HOURS':
      return sayHours(facts, isProtectedHourAt);
    case 'HOLIDAY':
      return sayHours(facts, isHolidayAt);
    case 'NOTICE_NOT_DELIVERED':
      return sayNotice(facts);
    case 'BREAKER_TRIPPED':
      return sayBreaker(facts);
  }
}

/** What each rule says of a cut now; with none that prevents it, it is allowed. */
export function findingsOf(facts: SupplyFacts): readonly SupplyFinding[] {
  return supplyRules.map((rule) => ({ rule, ...say(facts, rule) }));
}
