import { readSeals } from '../../../src/db/seals.ts';
import type { SealRow } from '../../../src/db/seals.ts';
import { sealHead, sealSigned } from '../../../src/wire/sealBytes.ts';
import type { SeededRandom } from '../../simulate/seededRandom.ts';
import type { Tamper, Tx } from './tamper.ts';
import { makeSigner } from './tamperWorld.ts';

async function chainOf(tx: Tx): Promise<readonly SealRow[]> {
  return readSeals(tx, { afterShard: -1, afterOrdinal: 0n, limit: 100_000 });
}

async function pickBlock(tx: Tx, random: SeededRandom): Promise<SealRow> {
  const chain = await chainOf(tx);
  return chain[random.below(chain.length)];
}

function subjectOf(ordinal: bigint): string {
  return `seal/0/${ordinal}`;
}

const cutTail: Tamper = async (tx, random) => {
  const { ordinal } = await pickBlock(tx, random);
  const chain = await chainOf(tx);
  await tx`delete from seal where ordinal >= ${ordinal}`;
  const newest = chain.at(-1)?.ordinal ?? 0n;
  return {
    kind: 'cut tail',
    told: `from block ${ordinal}`,
    subjects: [subjectOf(newest)],
  };
};

const dropBlock: Tamper = async (tx, random) => {
  const chain = await chainOf(tx);
  const { ordinal } = chain[random.below(chain.length - 1)];
  await tx`delete from seal where ordinal = ${ordinal}`;
  return { kind: 'drop block', told: `${ordinal}`, subjects: [subjectOf(ordinal + 1n)] };
};

const swapBlocks: Tamper = async (tx, random) => {
  const { ordinal } = await pickBlock(tx, random);
  const chain = await chainOf(tx);
  const first = ordinal === BigInt(chain.length) ? ordinal - 1n : ordinal;
  await tx`update seal set ordinal = -1 where ordinal = ${first}`;
  await tx`update seal set ordinal = ${first} where ordinal = ${first + 1n}`;
  await tx`update seal set ordinal = ${first + 1n} where ordinal = -1`;
  return {
    kind: 'swap blocks',
    told: `${first} and the next`,
    subjects: [subjectOf(first), subjectOf(first + 1n)],
  };
};

/** An old block in the place of another, or once more at the end. */
const replayBlock: Tamper = async (tx, random) => {
  const old = await pickBlock(tx, random);
  const chain = await chainOf(tx);
  const newest = chain.at(-1)?.ordinal ?? 0n;
  let place = newest + 1n;
  if (random.below(2) === 0) {
    place = old.ordinal === newest ? 1n : old.ordinal + 1n;
    await tx`delete from seal where ordinal = ${place}`;
  }
  await tx`
    insert into seal select shard, ${place}, relation, rows, keys, hashes, xact_below, previous,
      head, sealed_at, key_id, signature from seal where ordinal = ${old.ordinal}`;
  return {
    kind: 'replay block',
    told: `${old.ordinal} as ${place}`,
    subjects: [subjectOf(place)],
  };
};

/** Everything from a block on made anew without the key: old signatures, or those of another. */
const rebuildChain: Tamper = async (tx, random) => {
  const { ordinal } = await pickBlock(tx, random);
  const foreign = random.below(2) === 0 ? makeSigner() : null;
  if (foreign !== null) {
    await tx`insert into signing_key values (${foreign.keyId}, ${foreign.publicKey}, now())`;
  }
  let previous: Uint8Array | null = null;
  for (const seal of await chainOf(tx)) {
    if (seal.ordinal < ordinal) continue;
    const isFirst = previous === null;
    const content = {
      ...seal,
      previous: previous ?? seal.previous,
      keyId: foreign?.keyId ?? seal.keyId,
      xactBelow: isFirst ? String(BigInt(seal.xactBelow) + 1n) : seal.xactBelow,
    };
    const head = sealHead(content);
    const signature = foreign === null ? seal.signature : await foreign.sign(sealSigned(head));
    await tx`
      update seal set xact_below = ${content.xactBelow}, previous = ${content.previous},
        head = ${head}, key_id = ${content.keyId}, signature = ${signature}
      where ordinal = ${seal.ordinal}`;
    previous = head;
  }
  return {
    kind: foreign === null ? 'rebuild without key' : 'rebuild with another key',
    told: `from block ${ordinal}`,
    subjects: [subjectOf(ordinal)],
  };
};

const flipColumns = ['keys', 'hashes', 'previous', 'head', 'key_id', 'signature'] as const;

const flipByte: Tamper = async (tx, random) => {
  const { ordinal, ...seal } = await pickBlock(tx, random);
  const column = flipColumns[random.below(seal.rows === 0 ? 2 : 6) + (seal.rows === 0 ? 2 : 0)];
  const at = random.below(65_536);
  const by = random.between(1, 255);
  await tx.unsafe(
    `update seal set ${column} = set_byte(${column}, ${at} % length(${column}), ` +
      `(get_byte(${column}, ${at} % length(${column})) + ${by}) % 256) where ordinal = ${ordinal}`,
  );
  return { kind: 'flip byte', told: `${ordinal} ${column}`, subjects: [subjectOf(ordinal)] };
};

const editBlock: Tamper = async (tx, random) => {
  const { ordinal } = await pickBlock(tx, random);
  const sets = [
    'rows = rows + 1',
    "relation = relation || '1'",
    "xact_below = xact_below || '0'",
    "sealed_at = sealed_at + interval '1 microsecond'",
  ];
  const set = sets[random.below(sets.length)];
  await tx.unsafe(`update seal set ${set} where ordinal = ${ordinal}`);
  return { kind: 'edit block', told: `${ordinal} ${set}`, subjects: [subjectOf(ordinal)] };
};

const moveBlock: Tamper = async (tx, random) => {
  const { ordinal } = await pickBlock(tx, random);
  await tx`update seal set shard = 3 where ordinal = ${ordinal}`;
  return { kind: 'move block', told: `${ordinal}`, subjects: [`seal/3/${ordinal}`] };
};

const changeKey: Tamper = async (tx, random) => {
  const [{ id }] = await tx<[{ id: string }]>`select encode(key_id, 'hex') as id from signing_key`;
  const at = random.below(32);
  const by = random.between(1, 255);
  await tx.unsafe(
    `update signing_key set public_key = ` +
      `set_byte(public_key, ${at}, (get_byte(public_key, ${at}) + ${by}) % 256)`,
  );
  return { kind: 'change key', told: `byte ${at}`, subjects: [`signing-key/${id}`] };
};

export const tamperBlocks: readonly Tamper[] = [
  cutTail,
  dropBlock,
  swapBlocks,
  replayBlock,
  rebuildChain,
  flipByte,
  flipByte,
  editBlock,
  moveBlock,
  changeKey,
];
