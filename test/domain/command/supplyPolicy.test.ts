import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SupplyFacts } from '../../../src/domain/command/supplyFacts.ts';
import { decideSupply } from '../../../src/domain/command/supplyPolicy.ts';
import type { SupplyDecision } from '../../../src/domain/command/supplyPolicy.ts';
import { supplyRules } from '../../../src/domain/command/supplyFindings.ts';
import { defaultPolicy, parsePolicy } from '../../../src/domain/prepaid/policy.ts';
import type { PrepaidPolicy } from '../../../src/domain/prepaid/policy.ts';
import type { PolicyText } from '../../../src/domain/prepaid/policyShape.ts';

/** Thirty minutes, what every policy says that says nothing else. */
const dataAgeMsMax = 1_800_000;
/** A Tuesday noon in Berlin. */
const tuesdayMs = Date.parse('2026-11-24T11:00:00Z');

function policyOf(fields: Partial<PolicyText>): PrepaidPolicy {
  const open = { protectedHours: [], weather: null, notice: null };
  const parsed = parsePolicy({ name: 'standard', ...open, ...fields });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const atEase: SupplyFacts = {
  mode: 'prepaid',
  balanceMicros: 10_000_000n,
  balanceLimitMicros: 0n,
  reconnectMicros: 5_000_000n,
  supply: 'connected',
  supplyCause: 'automatic',
  openCommand: null,
  readAgeMs: 1_000,
  isDoubted: false,
  coolDown: null,
  canLimit: false,
  timeZone: 'Europe/Berlin',
  atMs: tuesdayMs,
  policy: policyOf({}),
  emergencyCreditMicros: 0n,
  protections: [],
  advisories: [],
  notice: null,
  isBreakerTripped: false,
  cutsInWindow: 0,
  isReconciled: true,
};
const cut = { kind: 'disconnect', cause: 'automatic', isUnderway: false } as const;
const inDebt = { balanceMicros: 0n } satisfies Partial<SupplyFacts>;
const dark = { supply: 'disconnected' } as const;
const unknown = { supply: 'uncertain' } as const;

describe('the supply policy (003.7)', () => {
  test.each<[string, Partial<SupplyFacts>, SupplyDecision['action']]>([
    ['a balance above the limit changes nothing', { balanceMicros: 1n }, null],
    ['a balance at the limit cuts', inDebt, 'disconnect'],
    ['a postpaid supply is never cut', { ...inDebt, mode: 'postpaid' }, null],
    ['nobody is cut without a reading', { ...inDebt, readAgeMs: null }, null],
    ['nor on readings that validation holds', { ...inDebt, isDoubted: true }, null],
    ['nor on an old one', { ...inDebt, readAgeMs: dataAgeMsMax + 1 }, null],
    ['what is cut is not cut again', { ...inDebt, ...dark }, null],
    ['an order that is open is not doubled', { ...inDebt, openCommand: cut }, null],
    ['an open cut is called back above the limit', { openCommand: cut }, 'cancelOpenCut'],
    ['but not one underway', { openCommand: { ...cut, isUnderway: true } }, null],
    ['nor one of a person', { openCommand: { ...cut, cause: 'manual' } }, null],
    ['a supply comes back at the level', { ...dark, balanceMicros: 5_000_000n }, 'reconnect'],
    ['and not below it', { ...dark, balanceMicros: 4_999_999n }, null],
    ['a person’s cut is not undone', { ...dark, supplyCause: 'manual' }, null],
    ['who has become postpaid gets light', { ...dark, ...inDebt, mode: 'postpaid' }, 'reconnect'],
    [
      'an uncertain cut is taken back above the limit',
      { ...unknown, balanceMicros: 1n },
      'reconnect',
    ],
    ['and repeated at the limit', { ...unknown, ...inDebt }, 'disconnect'],
    [
      'but not while it cools down',
      { ...unknown, ...inDebt, coolDown: { kind: 'disconnect', remainingMs: 1 } },
      null,
    ],
    [
      'a failed cut does not hold back a reconnection',
      { ...unknown, coolDown: { kind: 'disconnect', remainingMs: 1 } },
      'reconnect',
    ],
    [
      'a failed reconnection waits its time',
      { ...dark, coolDown: { kind: 'reconnect', remainingMs: 1 } },
      null,
    ],
  ])('%s', (_, facts, action) => {
    expect(decideSupply({ ...atEase, ...facts }).action).toBe(action);
  });

  test('cuts only a fresh prepaid balance at its limit with nothing open', () => {
    const kind = fc.constantFrom<'disconnect' | 'reconnect'>('disconnect', 'reconnect');
    const cause = fc.constantFrom<'automatic' | 'manual'>('automatic', 'manual');
    const money = fc.bigInt({ min: -3n, max: 3n });
    const facts = fc.record({
      mode: fc.constantFrom<SupplyFacts['mode']>('prepaid', 'postpaid'),
      balanceMicros: money,
      balanceLimitMicros: money,
      reconnectMicros: money,
      supply: fc.constantFrom<SupplyFacts['supply']>('connected', 'disconnected', 'uncertain'),
      supplyCause: cause,
      openCommand: fc.option(fc.record({ kind, cause, isUnderway: fc.boolean() })),
      readAgeMs: fc.option(fc.integer({ min: dataAgeMsMax - 2, max: dataAgeMsMax + 2 })),
      isDoubted: fc.boolean(),
      coolDown: fc.option(fc.record({ kind, remainingMs: fc.integer({ min: -1, max: 1 }) })),
    });
    fc.assert(
      fc.property(facts, (known) => {
        const action = decideSupply({ ...atEase, ...known }).action;
        const mayCut =
          known.mode === 'prepaid' &&
          known.balanceMicros <= known.balanceLimitMicros &&
          known.openCommand === null &&
          known.supply !== 'disconnected' &&
          known.readAgeMs !== null &&
          known.readAgeMs <= dataAgeMsMax &&
          !known.isDoubted;
        const isPersonal = known.supply !== 'connected' && known.supplyCause === 'manual';
        return (
          (action !== 'disconnect' || (mayCut && !isPersonal)) &&
          (action !== 'reconnect' || (known.supply !== 'connected' && !isPersonal))
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The rules that keep the supply on, in their order. */
function prevented(facts: Partial<SupplyFacts>): readonly string[] {
  const { findings } = decideSupply({ ...atEase, ...inDebt, ...facts });
  return findings.filter(({ prevents }) => prevents).map(({ rule }) => rule);
}

function askedAgain(facts: Partial<SupplyFacts>): string | null {
  const { action, askAgainMs } = decideSupply({ ...atEase, ...inDebt, ...facts });
  expect(action).toBeNull();
  return askAgainMs === null ? null : new Date(askAgainMs).toISOString();
}

describe('what keeps a supply on', () => {
  test('every rule is told in its fixed order, also those that let it go', () => {
    const { findings } = decideSupply(atEase);
    expect(findings.map(({ rule }) => rule)).toEqual([...supplyRules]);
  });

  test.each<[string, Partial<SupplyFacts>, string[]]>([
    ['nothing, at the limit under an open policy', {}, []],
    ['a restore that nobody reconciled', { isReconciled: false }, ['RESTORED_NOT_RECONCILED']],
    ['data that is stale', { readAgeMs: dataAgeMsMax + 1 }, ['DATA_STALE']],
    ['data in doubt', { isDoubted: true }, ['DATA_DOUBTED']],
    [
      'domain rule 61: life support',
      { protections: [{ kind: 'life_support', toMs: null }] },
      ['LIFE_SUPPORT'],
    ],
    [
      'several protections',
      {
        protections: [
          { kind: 'dispute', toMs: null },
          { kind: 'medical', toMs: tuesdayMs + 1 },
        ],
      },
      ['MEDICAL', 'DISPUTE'],
    ],
    ['a tripped breaker', { isBreakerTripped: true }, ['BREAKER_TRIPPED']],
    ['as many cuts as the breaker lets', { cutsInWindow: 20 }, ['BREAKER_TRIPPED']],
    ['nothing, one below', { cutsInWindow: 19 }, []],
    [
      'a policy that nobody published: no notice',
      { policy: defaultPolicy() },
      ['NOTICE_NOT_DELIVERED'],
    ],
    [
      'a limit that the meter cannot set',
      { policy: policyOf({ loadLimit: { powerW: 500 } }) },
      ['LOAD_LIMIT_IMPOSSIBLE'],
    ],
  ])('%s', (_, facts, rules) => {
    expect(prevented(facts)).toEqual(rules);
    expect(decideSupply({ ...atEase, ...inDebt, ...facts }).action).toBe(
      rules.length === 0 ? 'disconnect' : null,
    );
  });

  test('domain rule 57: emergency credit lowers the limit and the level of reconnection', () => {
    const lent = { emergencyCreditMicros: 10_000_000n };
    expect(prevented({ ...lent, balanceMicros: -9_999_999n })).toContain('EMERGENCY_CREDIT');
    expect(decideSupply({ ...atEase, ...lent, balanceMicros: -10_000_000n }).action).toBe(
      'disconnect',
    );
    // In the dark at 0.00, level 5.00: the loan of 10.00 brings the light back.
    expect(decideSupply({ ...atEase, ...dark, ...lent, balanceMicros: 0n }).action).toBe(
      'reconnect',
    );
  });

  test('an overdraft is the agreement’s limit below zero', () => {
    const overdraft = { balanceLimitMicros: -3_000_000n };
    expect(prevented({ ...overdraft, balanceMicros: -1n })).toContain('OVERDRAFT');
    expect(prevented({ ...overdraft, balanceMicros: -3_000_000n })).toEqual([]);
  });

  test('domain rule 58: Friday 18:00 at 0.00 is asked again on Monday at 10:00 local', () => {
    const policy = policyOf({
      protectedHours: [
        { from: '16:00', to: '10:00' },
        { weekdays: [6, 7], from: '00:00', to: '24:00' },
      ],
    });
    const friday = { policy, atMs: Date.parse('2026-11-20T17:00:00Z') };
    expect(prevented(friday)).toEqual(['PROTECTED_HOURS']);
    expect(askedAgain(friday)).toBe('2026-11-23T09:00:00.000Z');
    const monday = { policy, atMs: Date.parse('2026-11-23T09:00:00Z') };
    expect(decideSupply({ ...atEase, ...inDebt, ...monday }).action).toBe('disconnect');
  });

  test('domain rule 59: heat of today or of the last two days, cold of yesterday', () => {
    const policy = policyOf({ weather: { heatDaysAfter: 2, coldDaysAfter: 1, stormDaysAfter: 0 } });
    const ended = (kind: 'heat' | 'cold' | 'storm', to: string) => ({
      policy,
      advisories: [{ kind, fromMs: Date.parse('2026-11-20T10:00:00Z'), toMs: Date.parse(to) }],
    });
    // Until Sunday 18:00: Monday and Tuesday are the two days after it.
    expect(prevented(ended('heat', '2026-11-22T17:00:00Z'))).toEqual(['WEATHER']);
    expect(askedAgain(ended('heat', '2026-11-22T17:00:00Z'))).toBe('2026-11-24T23:00:00.000Z');
    expect(prevented(ended('heat', '2026-11-21T17:00:00Z'))).toEqual([]);
    expect(prevented(ended('cold', '2026-11-23T17:00:00Z'))).toEqual(['WEATHER']);
    expect(prevented(ended('cold', '2026-11-22T17:00:00Z'))).toEqual([]);
    expect(prevented(ended('storm', '2026-11-24T06:00:00Z'))).toEqual(['WEATHER']);
    expect(prevented(ended('storm', '2026-11-23T17:00:00Z'))).toEqual([]);
  });

  test('domain rule 60: an agreement may ask for less than the law allows, not for more', () => {
    const policy = policyOf({ balanceLimits: { connectionMax: '75', disconnectionMax: '10' } });
    const agreed = { policy, balanceLimitMicros: 12_000_000n, reconnectMicros: 100_000_000n };
    const at = (balance: bigint, supply: 'connected' | 'disconnected') =>
      decideSupply({ ...atEase, ...agreed, balanceMicros: balance, supply }).action;
    expect(at(10_000_001n, 'connected')).toBeNull();
    expect(at(10_000_000n, 'connected')).toBe('disconnect');
    expect(at(74_999_999n, 'disconnected')).toBeNull();
    expect(at(75_000_000n, 'disconnected')).toBe('reconnect');
  });

  test('domain rule 65: cut at 0.00, back at 2.00, and not by a top-up of 1.50', () => {
    const level = { reconnectMicros: 2_000_000n };
    expect(decideSupply({ ...atEase, ...level, ...inDebt }).action).toBe('disconnect');
    const paid = { ...atEase, ...level, ...dark };
    expect(decideSupply({ ...paid, balanceMicros: 1_500_000n }).action).toBeNull();
    expect(decideSupply({ ...paid, balanceMicros: 2_000_000n }).action).toBe('reconnect');
  });

  test('a notice counts from its delivery, and a day has to pass', () => {
    const policy = policyOf({ notice: { hoursBefore: 24, delivered: true } });
    const told = { sentAtMs: tuesdayMs - 100_000_000, isGivenUp: false };
    expect(prevented({ policy, notice: { ...told, deliveredAtMs: null } })).toEqual([
      'NOTICE_NOT_DELIVERED',
    ]);
    const late = { policy, notice: { ...told, deliveredAtMs: tuesdayMs - 86_400_000 + 1 } };
    expect(askedAgain(late)).toBe('2026-11-24T11:00:00.001Z');
    const known = { policy, notice: { ...told, deliveredAtMs: tuesdayMs - 86_400_000 } };
    expect(prevented(known)).toEqual([]);
  });

  test('domain rule 71: the policy limits instead of cutting, once, and lifts it again', () => {
    const limited = { policy: policyOf({ loadLimit: { powerW: 500 } }), canLimit: true };
    const action = (facts: Partial<SupplyFacts>) =>
      decideSupply({ ...atEase, ...limited, ...facts }).action;
    expect(action(inDebt)).toBe('limit');
    expect(action({ ...inDebt, supply: 'limited' })).toBeNull();
    expect(action({ supply: 'limited', balanceMicros: 5_000_000n })).toBe('unlimit');
    expect(action({ supply: 'limitUncertain' })).toBe('unlimit');
  });

  test('whoever is cut, or may be, is switched on before being limited instead', () => {
    const limits = { policy: policyOf({ loadLimit: { powerW: 500 } }), canLimit: true, ...inDebt };
    const decided = (facts: Partial<SupplyFacts>) =>
      decideSupply({ ...atEase, ...limits, ...facts });
    const restored = { action: 'reconnect', reason: 'POLICY_LIMITS' };
    expect(decided(unknown)).toMatchObject(restored);
    expect(decided(dark)).toMatchObject(restored);
    // Also where the meter cannot limit: such a policy keeps it on.
    expect(decided({ ...dark, canLimit: false })).toMatchObject(restored);
    expect(decided({ ...dark, supplyCause: 'manual' }).action).toBeNull();
    expect(decided({ ...unknown, policy: policyOf({}) }).action).toBe('disconnect');
  });
});
