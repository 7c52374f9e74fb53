import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideSupply } from '../../../src/domain/command/supplyPolicy.ts';
import type { SupplyDecision, SupplyFacts } from '../../../src/domain/command/supplyPolicy.ts';
import { cutDataAgeMsMax } from '../../../src/domain/limits.ts';

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
};
const cut = { kind: 'disconnect', cause: 'automatic', isUnderway: false } as const;
const inDebt = { balanceMicros: 0n };
const dark = { supply: 'disconnected' } as const;
const unknown = { supply: 'uncertain' } as const;

describe('the supply policy (003.7)', () => {
  test.each<[string, Partial<SupplyFacts>, SupplyDecision['action'] | null]>([
    ['a balance above the limit changes nothing', { balanceMicros: 1n }, null],
    ['a balance at the limit cuts', inDebt, 'disconnect'],
    ['a postpaid supply is never cut', { ...inDebt, mode: 'postpaid' }, null],
    ['nobody is cut without a reading', { ...inDebt, readAgeMs: null }, null],
    ['nor on readings that validation holds', { ...inDebt, isDoubted: true }, null],
    ['nor on an old one', { ...inDebt, readAgeMs: cutDataAgeMsMax + 1 }, null],
    ['what is cut is not cut again', { ...inDebt, ...dark }, null],
    ['an order that is open is not doubled', { ...inDebt, openCommand: cut }, null],
    ['an open cut is called back above the limit', { openCommand: cut }, 'cancelOpenDisconnect'],
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
    expect(decideSupply({ ...atEase, ...facts })?.action ?? null).toBe(action);
  });

  test('cuts only a fresh prepaid balance at its limit with nothing open', () => {
    const kind = fc.constantFrom<'disconnect' | 'reconnect'>('disconnect', 'reconnect');
    const cause = fc.constantFrom<'automatic' | 'manual'>('automatic', 'manual');
    const money = fc.bigInt({ min: -3n, max: 3n });
    const facts = fc.record<SupplyFacts>({
      mode: fc.constantFrom<SupplyFacts['mode']>('prepaid', 'postpaid'),
      balanceMicros: money,
      balanceLimitMicros: money,
      reconnectMicros: money,
      supply: fc.constantFrom<SupplyFacts['supply']>('connected', 'disconnected', 'uncertain'),
      supplyCause: cause,
      openCommand: fc.option(fc.record({ kind, cause, isUnderway: fc.boolean() })),
      readAgeMs: fc.option(fc.integer({ min: cutDataAgeMsMax - 2, max: cutDataAgeMsMax + 2 })),
      isDoubted: fc.boolean(),
      coolDown: fc.option(fc.record({ kind, remainingMs: fc.integer({ min: -1, max: 1 }) })),
    });
    fc.assert(
      fc.property(facts, (known) => {
        const action = decideSupply(known)?.action ?? null;
        const mayCut =
          known.mode === 'prepaid' &&
          known.balanceMicros <= known.balanceLimitMicros &&
          known.openCommand === null &&
          known.supply !== 'disconnected' &&
          known.readAgeMs !== null &&
          known.readAgeMs <= cutDataAgeMsMax &&
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
