import { newestRelations } from '../../../src/db/sealedRelations.ts';
import type { SealedRelation } from '../../../src/db/sealedRelations.ts';
import type { SeededRandom } from '../../simulate/seededRandom.ts';
import type { Tamper, Tx } from './tamper.ts';
import { columnsOf } from './tamperWorld.ts';
import type { Column } from './tamperWorld.ts';

type Place = { readonly ctid: string; readonly key: string };

const placesByTable = new Map<string, Column[]>();

async function columns(tx: Tx, { table }: SealedRelation): Promise<Column[]> {
  const known = placesByTable.get(table) ?? (await columnsOf(tx, table));
  placesByTable.set(table, known);
  return known;
}

function keyText({ key }: SealedRelation): string {
  return key.map(({ name }) => `"${name}"::text`).join(` || '/' || `);
}

function pick<T>(values: readonly T[], random: SeededRandom): T {
  return values[random.below(values.length)];
}

async function pickRows(
  tx: Tx,
  relation: SealedRelation,
  { count, random }: { readonly count: number; readonly random: SeededRandom },
): Promise<Place[]> {
  const rows = await tx.unsafe<Place[]>(
    `select ctid::text, ${keyText(relation)} as key from ${relation.table} order by 2`,
  );
  const places = [...rows];
  while (places.length > count) places.splice(random.below(places.length), 1);
  return places;
}

/** A value of the type that is not the one that is there. */
function otherValue({ column, type }: Column, random: SeededRandom): string {
  const name = `"${column}"`;
  const step = random.between(1, 20_000);
  const at = `${step} % length(${name})`;
  const sign = random.below(2) === 0 ? -1 : 1;
  const by: Readonly<Record<string, string>> = {
    uuid: `gen_random_uuid()`,
    text: `coalesce(${name}, '') || '${step}'`,
    jsonb: `coalesce(${name}, '{}') || '{"round": ${-step}}'`,
    bytea: `set_byte(${name}, ${at}, (get_byte(${name}, ${at}) + 1 + ${step} % 255) % 256)`,
    'timestamp with time zone': `coalesce(${name}, 'epoch') + ${step} * interval '1 microsecond'`,
    xid8: `(${name}::text::int8 + ${sign} * (1 + ${step} % 40))::text::xid8`,
  };
  return by[type] ?? `coalesce(${name}, 0) + ${step} % 10000 + 1`;
}

const editColumn: Tamper = async (tx, random) => {
  const relation = pick(newestRelations, random);
  const [row] = await pickRows(tx, relation, { count: 1, random });
  const column = pick(await columns(tx, relation), random);
  const name = `"${column.column}"`;
  const value =
    column.nullable && random.below(4) === 0
      ? `case when ${name} is null then ${otherValue(column, random)} end`
      : otherValue(column, random);
  await tx.unsafe(`update ${relation.table} set ${name} = ${value} where ctid = '${row.ctid}'`);
  const subject = `${relation.table}/${row.key}`;
  return { kind: 'edit', told: `${subject} ${column.column}`, subjects: [subject] };
};

const deleteRow: Tamper = async (tx, random) => {
  const relation = pick(newestRelations, random);
  const [row] = await pickRows(tx, relation, { count: 1, random });
  await tx.unsafe(`delete from ${relation.table} where ctid = '${row.ctid}'`);
  const subject = `${relation.table}/${row.key}`;
  return { kind: 'delete', told: subject, subjects: [subject] };
};

/** A copy of a row under another key, as of the same old transaction. */
const insertRow: Tamper = async (tx, random) => {
  const relation = pick(newestRelations, random);
  const [row] = await pickRows(tx, relation, { count: 1, random });
  const all = await columns(tx, relation);
  const last = relation.key.at(-1)?.name;
  const values = all.map((each) =>
    each.column === last ? otherValue(each, random) : `"${each.column}"`,
  );
  const names = all.map(({ column }) => `"${column}"`).join(', ');
  const [made] = await tx.unsafe<{ key: string }[]>(
    `insert into ${relation.table} (${names}) select ${values.join(', ')} from ${relation.table} ` +
      `where ctid = '${row.ctid}' returning ${keyText(relation)} as key`,
  );
  const subject = `${relation.table}/${made.key}`;
  return { kind: 'insert', told: subject, subjects: [subject] };
};

const swapRows: Tamper = async (tx, random) => {
  const relation = pick(newestRelations, random);
  const [one, other] = await pickRows(tx, relation, { count: 2, random });
  const keys = new Set(relation.key.map(({ name }) => name));
  const free = (await columns(tx, relation)).filter(({ column }) => !keys.has(column));
  const sets = free.map(({ column }) => `"${column}" = o."${column}"`).join(', ');
  await tx.unsafe(
    `update ${relation.table} t set ${sets} from ${relation.table} o ` +
      `where (t.ctid, o.ctid) in (('${one.ctid}', '${other.ctid}'), ` +
      `('${other.ctid}', '${one.ctid}'))`,
  );
  const subjects = [one, other].map(({ key }) => `${relation.table}/${key}`);
  return { kind: 'swap', told: subjects.join(' and '), subjects };
};

export const tamperRows: readonly Tamper[] = [
  editColumn,
  editColumn,
  editColumn,
  deleteRow,
  insertRow,
  swapRows,
];
