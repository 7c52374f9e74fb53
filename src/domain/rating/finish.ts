import { assert } from '../assert.ts';
import { add, compare, fraction, reduced, subtract, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import { hourMs } from '../time/civil.ts';
import type { Bill, Line } from './bill.ts';
import { carryDraftOf, fractionE8, kwhOf, one, roundAt } from './billDraft.ts';
import type { BillDraft, Finished, FinishRefusal } from './billDraft.ts';
import type { CompiledComponent, CompiledTariff } from './compiled.ts';
import { wallClockDays } from './facts.ts';
import { finishDemand } from './finishDemand.ts';
import { finishDynamic, finishPlain } from './finishEnergy.ts';
import {
  finishAdjust,
  finishDiscount,
  finishFixed,
  finishMinimum,
  finishTax,
} from './finishMoney.ts';
import { finishNetting, spendBank } from './finishNetting.ts';
import { finishReactive } from './finishReactive.ts';
import { finishTiered } from './finishTiers.ts';
import { closedFolds } from './folds.ts';
import { assertOf } from './kernel.ts';
import type { Accumulator } from './kernel.ts';
import type { IdleSpan, Settlement } from './settlement.ts';

/** The bill's import. */
function importUnits(compiled: CompiledTariff, { sums }: Accumulator): bigint {
  let units = 0n;
  for (let bucket = 0; bucket < compiled.bucketCount; bucket += 1) units += BigInt(sums[bucket]);
  return units;
}

/** How much of a bill lies in days without a standing charge. */
function idleDays(zone: string, idle: readonly IdleSpan[], bill: IdleSpan): Fraction {
  let days = zero;
  for (const span of idle) {
    const fromMs = Math.max(span.fromMs, bill.fromMs);
    const toMs = Math.min(span.toMs, bill.toMs);
    if (fromMs < toMs) days = add(days, wallClockDays(zone, { fromMs, toMs }));
  }
  return days;
}

function draftOf(
  compiled: CompiledTariff,
  accumulator: Accumulator,
  settlement: Settlement,
): BillDraft {
  const { facts, zone, roundedSums } = compiled;
  const { openUntilMs } = settlement;
  const isOpen = openUntilMs !== null;
  const untilMs = Math.min(facts.toMs, Math.max(facts.fromMs, openUntilMs ?? facts.toMs));
  const { folds } = accumulator;
  const { fromMs } = facts;
  const days = isOpen ? wallClockDays(zone, { fromMs, toMs: untilMs }) : facts.billedDays;
  const idle = idleDays(zone, settlement.idle ?? [], { fromMs, toMs: untilMs });
  const needsClosing = folds !== null && roundedSums.length > 0 && !isOpen;
  return {
    compiled,
    accumulator,
    folds: needsClosing ? closedFolds(compiled, folds) : folds,
    settlement,
    isOpen,
    days,
    standingDays: idle === zero ? days : reduced(subtract(days, idle)),
    hours: fraction(BigInt(untilMs - facts.fromMs), BigInt(hourMs)),
    useKwh: kwhOf(compiled, importUnits(compiled, accumulator)),
    creditedKwh: new Map(),
    lines: [],
    componentOfLine: [],
    warnings: [],
    carry: carryDraftOf(settlement.carryIn),
  };
}

/** Whether a component is on the bill; refused where that depends on what nobody said. */
function judgeWhen(
  draft: BillDraft,
  { component }: CompiledComponent,
): Outcome<boolean, 'ATTRIBUTE_MISSING'> {
  const { useAtMostE8, useAboveE8, customerClasses } = component.when;
  if (customerClasses !== null) {
    const { customerClass } = draft.settlement.attributes;
    if (customerClass === null) {
      const message = `${component.name} asks for the customer's class`;
      const advice = 'which the agreement does not say; add customerClass to the agreement';
      return refuse('ATTRIBUTE_MISSING', `${message}, ${advice}.`);
    }
    if (!customerClasses.includes(customerClass)) return accept(false);
  }
  if (useAtMostE8 === null && useAboveE8 === null) return accept(true);
  const { useKwh } = draft;
  if (useAtMostE8 !== null && compare(useKwh, fractionE8(useAtMostE8)) > 0) return accept(false);
  return accept(useAboveE8 === null || compare(useKwh, fractionE8(useAboveE8)) > 0);
}

function finishComponent(draft: BillDraft, index: number, each: CompiledComponent): Finished {
  const { component } = each;
  switch (component.kind) {
    case 'energy':
      return component.tierRule === null
        ? finishPlain(draft, index, { ...each, component })
        : finishTiered(draft, index, { ...each, component, rule: component.tierRule });
    case 'dynamic':
      return finishDynamic(draft, index, each, component);
    case 'demand':
      return finishDemand(draft, index, each, component);
    case 'reactive':
      return finishReactive(draft, index, each, component);
    case 'fixed':
      return finishFixed(draft, index, each, component);
    case 'minimum':
      return finishMinimum(draft, index, component);
    case 'adjust':
      return finishAdjust(draft, index, component);
    case 'discount':
      return finishDiscount(draft, index, component);
    case 'tax':
      return finishTax(draft, index, component);
    case 'netting':
      return finishNetting(draft, index, component);
  }
}

function finishComponents(draft: BillDraft): Refused<FinishRefusal> | null {
  const isOnBill: boolean[] = [];
  for (const each of draft.compiled.components) {
    const judged = judgeWhen(draft, each);
    if (!judged.ok) return judged;
    isOnBill.push(judged.value);
  }
  spendBank(draft, (index) => isOnBill[index]);
  for (const [index, each] of draft.compiled.components.entries()) {
    if (!isOnBill[index]) continue;
    const refused = finishComponent(draft, index, each);
    if (refused !== null) return refused;
  }
  return null;
}

/** A bill without a slot's data is told so; an open one has slots that are still to come. */
function warnOfMissing(draft: BillDraft): void {
  const { accumulator, compiled, isOpen } = draft;
  const seen = accumulator.ratedSlots + accumulator.missingSlots;
  assert(seen <= compiled.slotCount, 'a slot is accumulated once');
  const missing = accumulator.missingSlots + (isOpen ? 0 : compiled.slotCount - seen);
  if (missing === 0) return;
  // The load's own intervals, not the slots that they were cut into; a part of one counts as one.
  const slotsEach = compiled.intervalMs / compiled.slotMs;
  const [without, all] = [missing, compiled.slotCount].map((slots) => Math.ceil(slots / slotsEach));
  const message = `${without} of ${all} intervals have no data; they cost nothing.`;
  draft.warnings.push({ code: 'SLOTS_MISSING', component: null, message });
}

/** A bill's components worked out, with what they were worked out from. */
export function finishDraft(
  compiled: CompiledTariff,
  accumulator: Accumulator,
  settlement: Settlement,
): Outcome<BillDraft, FinishRefusal> {
  assertOf(compiled, accumulator);
  const draft = draftOf(compiled, accumulator, settlement);
  return finishComponents(draft) ?? accept(draft);
}

function roundingLine(difference: Fraction): Line {
  return {
    component: 'Rounding',
    kind: 'adjustment',
    period: null,
    tier: null,
    quantity: one,
    unit: 'bill',
    price: null,
    exact: difference,
    amount: difference,
  };
}

/**
 * The last step: what was accumulated, and what decides a bill beside it, become the bill. Pure.
 */
export function finish(
  compiled: CompiledTariff,
  accumulator: Accumulator,
  settlement: Settlement,
): Outcome<Bill, FinishRefusal> {
  const worked = finishDraft(compiled, accumulator, settlement);
  if (!worked.ok) return worked;
  const draft = worked.value;
  warnOfMissing(draft);
  const { lines, warnings, carry } = draft;
  const sum = lines.reduce<Fraction>((all, { amount }) => add(all, amount), zero);
  const point = draft.isOpen ? null : compiled.rounding.bill;
  if (point === null) return accept({ lines, total: sum, carryOut: carry, warnings });
  const total = roundAt(sum, point);
  const difference = reduced(subtract(total, sum));
  if (compare(difference, zero) !== 0) lines.push(roundingLine(difference));
  return accept({ lines, total, carryOut: carry, warnings });
}
