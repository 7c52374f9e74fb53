import type { Transaction } from '../db/connect.ts';
import { insertMarkDuties, insertMarks, readMarkRows } from '../db/registerMarks.ts';
import type { MarkRow } from '../db/registerMarks.ts';
import { assert } from '../domain/assert.ts';
import { importChannel } from '../domain/channel.ts';
import { compare } from '../domain/exact.ts';
import type { Fraction } from '../domain/exact.ts';
import type { Fleet, FleetInstallation } from '../domain/fleet.ts';
import { parseFactor } from '../domain/series/factor.ts';
import { everyChannel } from '../domain/series/meterMarks.ts';
import { conflict, idOf } from './fleetRefused.ts';

type Declared = { readonly row: MarkRow; readonly factor: Fraction };

/** All registers of a meter begin with it, the main one with its value where that was read. */
function declaredOf(meterId: number, installed: FleetInstallation): readonly Declared[] {
  const parsed = parseFactor(installed.factor ?? '1');
  assert(parsed.ok, 'a checked declaration has factors that can be read');
  const factor = parsed.value;
  const { atMs, startValue } = installed;
  const kind = 'installed';
  const of = { meterId, atMs, kind, finalValue: null } as const;
  const every = { row: { ...of, channel: everyChannel, startValue: null, factor }, factor };
  if (startValue === undefined) return [every];
  return [every, { row: { ...of, channel: importChannel, startValue, factor: null }, factor }];
}

function keyOf({ meterId, channel, atMs }: MarkRow): string {
  return `${meterId}/${channel}/${atMs}`;
}

function isSame(word: MarkRow, { row, factor }: Declared): boolean {
  return (
    word.kind === row.kind &&
    word.finalValue === row.finalValue &&
    word.startValue === row.startValue &&
    (word.factor === null ? row.factor === null : compare(word.factor, factor) === 0)
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
    installed === undefined ? [] : declaredOf(idOf(meters, serial), installed),
  );
  const meterIds = [...new Set(declared.map(({ row }) => row.meterId))];
  const known = new Map(
    (await readMarkRows(tx, meterIds)).map((word) => [keyOf(word), word] as const),
  );
  const serials = new Map([...meters].map(([serial, meterId]) => [meterId, serial]));
  const fresh = declared.flatMap((said) => {
    const word = known.get(keyOf(said.row));
    if (word !== undefined && !isSame(word, said)) {
      throw conflict(`The installation of meter "${serials.get(said.row.meterId)}"`);
    }
    return word === undefined ? [said.row] : [];
  });
  const by = { companyId, author: 'registration', reason: 'declared', atMs: nowMs };
  await insertMarks(tx, fresh, by);
  const marked = new Set(fresh.map(({ meterId }) => meterId));
  await insertMarkDuties(
    tx,
    [...marked].map((meterId) => ({ companyId, meterId, fromDay: 0 })),
  );
}
