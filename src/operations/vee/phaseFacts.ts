import type { Transaction } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readPhaseRegisters } from '../../db/veeWindows.ts';
import { importChannel, phaseChannels } from '../../domain/channel.ts';
import { slotOf } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { TariffDocument } from '../../domain/tariff/document.ts';
import type { PhaseColumns } from '../../domain/vee/reversedPhase.ts';
import type { Span } from '../../domain/vee/window.ts';
import { documentOf } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';
import { firstSlotOfDay, readSlots } from './gapFacts.ts';
import type { JudgedRegister } from './judgedMeters.ts';
import { SlotHistory } from './slotHistory.ts';

/** By meter and channel, the registers of single phases. */
export type PhaseFacts = ReadonlyMap<number, ReadonlyMap<number, SlotHistory>>;

/** Of whole days of import: only these are asked about their phases. */
function judgedSpan({ channel, windows }: JudgedRegister): Span | null {
  const days = windows.filter(({ kind, isOpen }) => kind === 'day' && isOpen !== true);
  if (channel !== importChannel || days.length === 0) return null;
  return {
    fromMs: Math.min(...days.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...days.map(({ toMs }) => toMs)),
  };
}

export async function readPhases(
  tx: Transaction,
  judged: readonly JudgedRegister[],
): Promise<PhaseFacts> {
  const spans = new Map(
    judged.flatMap((each) => {
      const span = judgedSpan(each);
      return span === null ? [] : [[each.meter.meterId, { meter: each.meter, span }] as const];
    }),
  );
  const found = new Map<number, Map<number, SlotHistory>>();
  const wanted = (await readPhaseRegisters(tx, [...spans.keys()])).flatMap(
    ({ meterId, channel }) => {
      const known = spans.get(meterId);
      if (known === undefined) return [];
      const [fromDay, throughDay] = [dayOf(known.span.fromMs), dayOf(known.span.toMs)];
      const [firstSlot, endSlot] = [firstSlotOfDay(fromDay), firstSlotOfDay(throughDay + 1)];
      const into = new SlotHistory({ firstSlot, endSlot });
      const ofMeter = found.get(meterId) ?? new Map<number, SlotHistory>();
      found.set(meterId, ofMeter.set(channel, into));
      return [{ meter: known.meter, channel, fromDay, throughDay, into }];
    },
  );
  await readSlots(tx, wanted);
  return found;
}

export function phasesIn(facts: PhaseFacts, meterId: number, window: Span): PhaseColumns[] {
  const registers = facts.get(meterId);
  if (registers === undefined) return [];
  const [from, until] = [slotOf(window.fromMs), slotOf(window.toMs)];
  return phaseChannels.map((channels, at) => ({
    phase: at + 1,
    import: registers.get(channels.import)?.between(from, until) ?? null,
    export: registers.get(channels.export)?.between(from, until) ?? null,
  }));
}

function paysForExport({ components }: TariffDocument): boolean {
  return components.some(
    (each) =>
      each.kind === 'netting' ||
      ((each.kind === 'energy' || each.kind === 'dynamic') && each.flow !== 'import'),
  );
}

/** Whoever is paid for what is fed in has something to feed in. */
export function hasFeedInTariff(
  memory: RatingMemory,
  { servicePointId }: RatedMeter,
  window: Span,
): boolean {
  return (memory.agreements.get(servicePointId) ?? [])
    .filter(({ validFromMs, validToMs }) => validFromMs < window.toMs && validToMs > window.fromMs)
    .flatMap(({ tariffId }) => memory.versions.get(tariffId) ?? [])
    .some((version) => {
      const document = documentOf(memory, version);
      return document.ok && paysForExport(document.value);
    });
}
