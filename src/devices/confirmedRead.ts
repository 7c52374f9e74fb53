import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { BusClock } from './busClock.ts';
import type { BusLine, LineFailure } from './busLine.ts';
import { decodeField } from './codec.ts';
import type { DecodeRefusal } from './codec.ts';
import { decodeBlock, readsAgree } from './readPlan.ts';
import type { BlockRead, RegisterSample } from './readPlan.ts';
import type { RegisterMap } from './registerMap.ts';

/** One unit on the line, for the length of one operation. */
export type UnitLine = {
  readonly line: BusLine;
  readonly clock: BusClock;
  readonly unitId: number;
  readonly map: RegisterMap;
  readonly deadlineMs: number;
  readonly pace: number;
};

type Tally = { confirmations: number; disagreements: number };
type Samples = readonly RegisterSample[];
type ReadFailure = LineFailure | DecodeRefusal | 'READS_DISAGREE';

/** The first read, and so many more in search of two neighbours that agree. */
const confirmingReadsMax = 3;

/** Asks for what only this kind of device answers, so that a stray late answer shows itself. */
export async function probeUnit(
  unitLine: UnitLine,
): Promise<Outcome<void, LineFailure | DecodeRefusal | 'IDENTITY_MISMATCH'>> {
  const { line, map, unitId } = unitLine;
  const { identity } = map;
  if (identity.kind === 'coil') {
    const answer = await line.request({
      ...addressOf(unitLine),
      send: (session, slot) => session.readCoil(slot, identity.address),
    });
    return answer.ok ? accept(undefined) : answer;
  }
  const answer = await line.request({
    ...addressOf(unitLine),
    send: (session, slot) => session.readRegisters(slot, identity.field),
  });
  if (!answer.ok) return answer;
  const value = decodeField(identity.field, answer.value, 0);
  if (!value.ok) return value;
  if (value.value < identity.min || value.value > identity.max) {
    return refuse(
      'IDENTITY_MISMATCH',
      `Unit ${unitId} does not look like a ${map.name}: its identity register reads ` +
        `${value.value}, expected ${identity.min} to ${identity.max}. Check the meter model.`,
    );
  }
  return accept(undefined);
}

/** While nothing was in doubt one read is enough; after doubt the second of two that agree. */
export async function readWithConfirmation(
  unitLine: UnitLine,
  options: { plan: readonly BlockRead[]; doubtful: boolean; tally: Tally },
): Promise<Outcome<Samples, ReadFailure>> {
  const { plan, doubtful, tally } = options;
  let earlier = await readOnce(unitLine, plan);
  if (!doubtful || !earlier.ok) return earlier;
  for (let reads = 1; reads < confirmingReadsMax; reads += 1) {
    tally.confirmations += 1;
    const later = await readOnce(unitLine, plan);
    if (!later.ok) return later;
    const { map, pace } = unitLine;
    if (readsAgree({ map, first: earlier.value, second: later.value, pace })) return later;
    tally.disagreements += 1;
    earlier = later;
  }
  return refuse(
    'READS_DISAGREE',
    `Unit ${unitLine.unitId} gave values that contradict each other after a failure on its bus; ` +
      `none was taken. If it lasts, raise the response time of the line.`,
  );
}

export async function readCoilAgain(
  unitLine: UnitLine,
  options: { coil: number; doubtful: boolean; tally: Tally },
): Promise<Outcome<{ on: boolean; readAtMs: number }, LineFailure | 'READS_DISAGREE'>> {
  const { coil, doubtful, tally } = options;
  const ask = () =>
    unitLine.line.request({
      ...addressOf(unitLine),
      send: (session, slot) => session.readCoil(slot, coil),
    });
  const first = await ask();
  if (!first.ok) return first;
  if (doubtful) {
    tally.confirmations += 1;
    const second = await ask();
    if (!second.ok) return second;
    if (second.value !== first.value) {
      tally.disagreements += 1;
      const told = `Unit ${unitLine.unitId} told its coil ${coil} differently twice. Ask again.`;
      return refuse('READS_DISAGREE', told);
    }
  }
  return accept({ on: first.value, readAtMs: unitLine.clock.nowMs() });
}

/** A holding register, twice and alike after doubt. */
export async function readRegisterAgain(
  unitLine: UnitLine,
  options: { address: number; doubtful: boolean; tally: Tally },
): Promise<Outcome<{ value: number; readAtMs: number }, LineFailure | 'READS_DISAGREE'>> {
  const { address, doubtful, tally } = options;
  const ask = () =>
    unitLine.line.request({
      ...addressOf(unitLine),
      send: (session, slot) => session.readRegisters(slot, { functionCode: 3, address, count: 1 }),
    });
  const first = await ask();
  if (!first.ok) return first;
  if (doubtful) {
    tally.confirmations += 1;
    const second = await ask();
    if (!second.ok) return second;
    if (second.value[0] !== first.value[0]) {
      tally.disagreements += 1;
      const told = `Unit ${unitLine.unitId} told its register ${address} differently twice.`;
      return refuse('READS_DISAGREE', `${told} Ask again.`);
    }
  }
  return accept({ value: first.value[0] ?? 0, readAtMs: unitLine.clock.nowMs() });
}

async function readOnce(
  unitLine: UnitLine,
  plan: readonly BlockRead[],
): Promise<Outcome<Samples, LineFailure | DecodeRefusal>> {
  const samples: RegisterSample[] = [];
  for (const block of plan) {
    const answer = await unitLine.line.request({
      ...addressOf(unitLine),
      send: (session, slot) => session.readRegisters(slot, block),
    });
    if (!answer.ok) return answer;
    const decoded = decodeBlock(block, answer.value, unitLine.clock.nowMs());
    if (!decoded.ok) return decoded;
    samples.push(...decoded.value);
  }
  return accept(samples);
}

function addressOf({ unitId, deadlineMs, map }: UnitLine) {
  const { responseMsMax, minGapMs } = map;
  return { unitId, deadlineMs, responseMsMax, minGapMs };
}
