import type { Transaction } from '../db/connect.ts';
import { insertMarkDuties, insertMarks, readMarkRows } from '../db/registerMarks.ts';
import type { MarkRow } from '../db/registerMarks.ts';
import { assert } from '../domain/assert.ts';
import { importChannel } from '../domain/channel.ts';
import type { Fleet, FleetInstallation } from '../domain/fleet.ts';
import { parseFactor } from '../domain/series/factor.ts';
import { everyChannel } from '../domain/series/meterMarks.ts';
import { conflict, idOf } from './fleetRefused.ts';

/** All registers of a meter begin with it, the main one with its value where that was read. */
function rowsOf(meterId: number, installed: FleetInstallation): readonly MarkRow[] {
  const factor = parseFactor(installed.factor ?? '1');
  assert(factor.ok, 'a checked declaration has factors that can be read');
  const { numerator, denominator } = factor.value;
  const { atMs, startValue } = installed;
  const kind = 'installed';
  const of = { meterId, atMs, kind, finalValue: null, numerator, denominator } as const;
  const every = { ...of, channel: everyChannel, startValue: null };
  return startValue === undefined
    ? [every]
    : [every, { ...of, channel: importChannel, startValue }];
}

function keyOf({ meterId, channel, atMs }: MarkRow): string {
  return `${meterId}/${channel}/${atMs}`;
}

function isSame(left: MarkRow, right: MarkRow): boolean {
  return (
    left.kind === right.kind &&
    left.finalValue === right.finalValue &&
    left.startValue === right.startValue &&
    left.numerator * right.denominator === right.numerator * left.denominator
  );
}

/**
 * From when on meters count, and by which factor, as a declaration says it. What was recorded of
 * the same instant otherwise is not rewritten here: that takes a mark with its reason.
 */
export async function registerInstallations(
  tx: Transaction,
  companyId: number,
  {
    fleet,
    meters,
    nowMs,
  }: {
    readonly fleet: Fleet;
    readonly meters: ReadonlyMap<string, number>;
    readonly nowMs: number;
  },
): Promise<void> {
  const declared = fleet.meters.flatMap(({ serial, installed }) =>
    installed === undefined ? [] : rowsOf(idOf(meters, serial), installed),
  );
  const meterIds = [...new Set(declared.map(({ meterId }) => meterId))];
  const known = new Map(
    (await readMarkRows(tx, meterIds)).map((word) => [keyOf(word), word] as const),
  );
  const serials = new Map([...meters].map(([serial, meterId]) => [meterId, serial]));
  const fresh = declared.filter((row) => {
    const word = known.get(keyOf(row));
    if (word !== undefined && !isSame(word, row)) {
      throw conflict(`The installation of meter "${serials.get(row.meterId)}"`);
    }
    return word === undefined;
  });
  const by = { companyId, author: 'registration', reason: 'declared', atMs: nowMs };
  await insertMarks(tx, fresh, by);
  const marked = new Set(fresh.map(({ meterId }) => meterId));
  await insertMarkDuties(
    tx,
    [...marked].map((meterId) => ({ companyId, meterId, fromDay: 0 })),
  );
}
