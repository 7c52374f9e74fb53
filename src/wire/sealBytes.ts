import { createHash } from 'node:crypto';

/** The bytes that seals are made of; docs/prepaid.md, "Tamper evidence", says them for others. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nullLength = 0xffff_ffff;

const rowDomain = encoder.encode('joulebook/seal-row/1\0');
const headDomain = encoder.encode('joulebook/seal-head/1\0');
const signatureDomain = encoder.encode('joulebook/seal/1\0');

export const hashBytes = 32;

/** Each field as its length in four bytes, big-endian, and its bytes; null is ff ff ff ff alone. */
export function fieldBytes(fields: readonly (Uint8Array | string | null)[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const field of fields) {
    const bytes = typeof field === 'string' ? encoder.encode(field) : field;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes === null ? nullLength : bytes.length);
    parts.push(length);
    if (bytes !== null) parts.push(bytes);
  }
  return Buffer.concat(parts);
}

/** Groups of as many texts each, or null where the bytes are no such groups. */
export function readGroups(bytes: Uint8Array, size: number): readonly (readonly string[])[] | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const groups: string[][] = [];
  let group: string[] = [];
  let at = 0;
  while (at < view.length) {
    if (at + 4 > view.length) return null;
    const length = view.readUInt32BE(at);
    at += 4;
    if (at + length > view.length) return null;
    group.push(decoder.decode(view.subarray(at, at + length)));
    at += length;
    if (group.length === size) {
      groups.push(group);
      group = [];
    }
  }
  return group.length === 0 ? groups : null;
}

/** Of one row: its relation with its version, then its columns in the order of that version. */
export function rowHash(relation: string, fields: readonly (Uint8Array | null)[]): Buffer {
  const hash = createHash('sha256').update(rowDomain);
  return hash
    .update(fieldBytes([relation]))
    .update(fieldBytes(fields))
    .digest();
}

/** A block without what is worked out from it. */
export type SealContent = {
  readonly shard: number;
  readonly ordinal: bigint;
  readonly relation: string;
  readonly rows: number;
  readonly keys: Uint8Array;
  readonly hashes: Uint8Array;
  readonly xactBelow: string;
  readonly previous: Uint8Array;
  /** Since 1970, in microseconds, as text: what a column of the database can hold. */
  readonly sealedAtMicros: string;
  readonly keyId: Uint8Array;
};

export function sealHead(seal: SealContent): Buffer {
  const { shard, ordinal, relation, rows, keys, hashes, xactBelow, previous } = seal;
  const fields = [
    String(shard),
    String(ordinal),
    relation,
    String(rows),
    keys,
    hashes,
    xactBelow,
    previous,
    seal.sealedAtMicros,
    seal.keyId,
  ];
  return createHash('sha256').update(headDomain).update(fieldBytes(fields)).digest();
}

/** What is signed of a head. */
export function sealSigned(head: Uint8Array): Buffer {
  return Buffer.concat([signatureDomain, head]);
}
