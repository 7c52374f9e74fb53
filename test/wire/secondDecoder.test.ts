import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { fullBatch, sampleAtMs, sampleBatch, sampleBlock } from './sampleBatch.ts';

/**
 * A second decoder on the reader of @bufbuild/protobuf, written from joulebook.proto alone; it
 * shares nothing with the code under test.
 */
function column<T>(reader: BinaryReader, next: () => T): T[] {
  const end = reader.uint32() + reader.pos;
  const values: T[] = [];
  while (reader.pos < end) values.push(next());
  return values;
}

function readBlock(bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const block: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) block['channel'] = reader.uint32();
    else if (field === 2) block['unit'] = reader.uint32();
    else if (field === 3) block['scaler'] = reader.sint32();
    else if (field === 4) block['meterId'] = column(reader, () => reader.fixed32());
    else if (field === 5) block['readAtMs'] = column(reader, () => reader.sfixed64());
    else if (field === 6) block['value'] = column(reader, () => reader.sfixed64());
    else if (field === 7) block['quality'] = [...reader.bytes()];
    else if (field === 8) block['revision'] = column(reader, () => reader.fixed32());
    else if (field === 9) block['clockOffsetMs'] = column(reader, () => reader.sfixed32());
    else if (field === 10) block['frame'] = column(reader, () => reader.fixed32());
    else if (field === 11) block['multiplierThousandths'] = column(reader, () => reader.fixed32());
    else throw new Error(`field ${field} of type ${WireType[wireType]} is not in the schema`);
  }
  return block;
}

function readEvents(bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const events: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) events['code'] = column(reader, () => reader.fixed32());
    else if (field === 2) events['meterId'] = column(reader, () => reader.fixed32());
    else if (field === 3) events['fromMs'] = column(reader, () => reader.sfixed64());
    else if (field === 4) events['toMs'] = column(reader, () => reader.sfixed64());
    else throw new Error(`field ${field} is not in the schema`);
  }
  return events;
}

function readPayload(bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const blocks: unknown[] = [];
  const frames: unknown[] = [];
  const payload: Record<string, unknown> = { blocks };
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) payload['version'] = reader.uint32();
    else if (field === 2) payload['edgeId'] = reader.uint32();
    else if (field === 3) payload['epoch'] = reader.uint32();
    else if (field === 4) payload['sequence'] = reader.uint64();
    else if (field === 5) payload['previousHash'] = [...reader.bytes()];
    else if (field === 6) payload['createdAtMs'] = reader.sint64();
    else if (field === 7) payload['stream'] = reader.uint32();
    else if (field === 8) blocks.push(readBlock(reader.bytes()));
    else if (field === 9) payload['events'] = readEvents(reader.bytes());
    else if (field === 10) frames.push([...reader.bytes()]);
    else throw new Error(`field ${field} is not in the schema`);
  }
  return frames.length === 0 ? payload : { ...payload, frames };
}

describe('an independent protobuf decoder', () => {
  it('reads the same batch from the bytes', () => {
    const power = { ...sampleBlock(2, 1), channel: 16, unit: 27, scaler: -1 };
    power.value.set([-1_200n, -(2n ** 50n)]);
    const payload = encodeBatch({ ...sampleBatch([sampleBlock(2), power]), stream: 'telemetry' });
    const columns = {
      meterId: [1, 2],
      readAtMs: [BigInt(sampleAtMs), BigInt(sampleAtMs) + 37n],
    };
    expect(readPayload(payload)).toEqual({
      version: 1,
      edgeId: 70_001,
      epoch: 3,
      sequence: 90_210n,
      previousHash: Array.from({ length: 32 }, (_, at) => at * 7),
      createdAtMs: BigInt(sampleAtMs) + 5_000n,
      stream: 2,
      blocks: [
        { channel: 1, unit: 30, ...columns, value: [12_345_678n, 12_346_669n] },
        {
          channel: 16,
          unit: 27,
          scaler: -1,
          ...columns,
          value: [-1_200n, -1_125_899_906_842_624n],
          quality: [1, 1],
        },
      ],
    });
  });
  it('reads edits, clock offsets, frames and events', () => {
    const at = BigInt(sampleAtMs);
    expect(readPayload(encodeBatch(fullBatch()))).toMatchObject({
      blocks: [
        {
          meterId: [1, 2, 3],
          quality: [0, 1, 4],
          revision: [0, 1, 2],
          clockOffsetMs: [0, -250, 61_000],
          frame: [2, 0, 1],
          multiplierThousandths: [0, 40_000, 1_500],
        },
      ],
      events: { code: [1, 3], meterId: [2, 3], fromMs: [at - 60_000n, at], toMs: [at, at] },
      frames: [[0x68, 0x03, 0x16], [0x01]],
    });
  });
});
