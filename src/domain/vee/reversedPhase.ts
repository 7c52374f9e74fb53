import { slotsOf, sumOver } from './columns.ts';
import type { Seen } from './finding.ts';
import type { SlotColumns, Span } from './window.ts';

/** The registers of one phase over a window; null: the meter has none, or nothing is known. */
export type PhaseColumns = {
  /** 1, 2 or 3. */
  readonly phase: number;
  readonly import: SlotColumns | null;
  readonly export: SlotColumns | null;
};

/** Below it a phase may have counted crosstalk and rounding: a lamp of 5 W has more in a day. */
export const reversedWhMin = 100;

type PhaseSum = { readonly phase: number; readonly importWh: number; readonly exportWh: number };

/** Null where a quarter hour of it is not known: what is not seen is not judged. */
function sumOf(phase: PhaseColumns, window: Span): PhaseSum | null {
  if (phase.import === null || phase.export === null) return null;
  const imported = sumOver(phase.import, slotsOf(window));
  const exported = sumOver(phase.export, slotsOf(window));
  if (imported.missing > 0 || exported.missing > 0) return null;
  return { phase: phase.phase, importWh: imported.wh, exportWh: exported.wh };
}

/**
 * A transformer that is mounted the wrong way round (domain rule 15) makes its phase feed in all
 * day what it takes, while the others take. A phase with its own panels takes at night, so that it
 * is none; where there is generation nothing is said at all.
 */
export function seeReversedPhase(phases: readonly PhaseColumns[], window: Span): Seen | null {
  const sums = phases.flatMap((phase) => sumOf(phase, window) ?? []);
  const reversed = sums.filter(
    ({ importWh, exportWh }) => importWh === 0 && exportWh >= reversedWhMin,
  );
  const isTaking = sums.some(({ importWh, exportWh }) => importWh > 0 && exportWh === 0);
  if (reversed.length === 0 || !isTaking) return null;
  const named = reversed.map(({ phase, exportWh }) => `L${phase} fed in ${exportWh} Wh`);
  return {
    ...window,
    message:
      `${named.join(', ')} and took nothing all day, while the others took: at a place without ` +
      'generation a current transformer is the wrong way round, and the meter counts too little. ' +
      'Look at its transformers; where there is generation, register the service point with it.',
    detail: Object.fromEntries(
      reversed.map(({ phase, exportWh }) => [`exportWhOfL${phase}`, String(exportWh)]),
    ),
    readingsAtMs: [],
  };
}
