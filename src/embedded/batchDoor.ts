import type { Client } from 'aedes';
import {
  brokerBatchesBytesMax,
  brokerBatchesMax,
  brokerReceiptTopicsMax,
} from '../domain/limits.ts';
import type { BoundConnection } from './boundedConnection.ts';

/**
 * What is done with a batch that a gateway publishes: its answer for the receipts' topic, after the
 * commit, or null where there is none and the gateway must send it again.
 */
export type BatchTaker = (batch: {
  readonly payload: Uint8Array;
  /** The address of the connection. */
  readonly source: string;
}) => Promise<Uint8Array | null>;

type Receipt = { readonly topic: string; readonly payload: Uint8Array };
type Message = { readonly payload: string | Buffer; readonly topic: string };

export type BatchDoor = {
  open(taker: BatchTaker, publish: (receipt: Receipt) => void): void;
  watch(connection: BoundConnection, source: string): void;
  isBatch(topic: string): boolean;
  /** After it the broker acknowledges: after the commit. Rejects where there is no answer. */
  take(client: Client, packet: Message): Promise<void>;
  mayHear(client: Client, topic: string): boolean;
};

const batchTopic = /^energy\/meter\/batches\/(\d{1,10})$/;
const receiptTopic = /^energy\/meter\/receipts\/\d{1,10}$/;

type Waiting = { readonly batches: number; readonly bytes: number };

function isEnough({ batches, bytes }: Waiting): boolean {
  return batches >= brokerBatchesMax || bytes >= brokerBatchesBytesMax;
}

/** The way of gateways' batches through the broker: publishing is offering, PUBACK is committed. */
export function createBatchDoor(): BatchDoor {
  const connections = new WeakMap<object, { connection: BoundConnection; source: string }>();
  const waiting = new WeakMap<Client, Waiting>();
  const heard = new WeakMap<Client, Set<string>>();
  let taker: BatchTaker | null = null;
  let publish: (receipt: Receipt) => void = () => {};

  /** Counts what waits, and reads nothing more from a client that has enough of it. */
  function count(client: Client, step: Waiting): void {
    const before = waiting.get(client) ?? { batches: 0, bytes: 0 };
    const now = { batches: before.batches + step.batches, bytes: before.bytes + step.bytes };
    waiting.set(client, now);
    if (isEnough(now) === isEnough(before)) return;
    connections.get(client.conn)?.connection.hold(isEnough(now));
  }

  return {
    open(given, publishing) {
      taker = given;
      publish = publishing;
    },
    watch(connection, source) {
      connections.set(connection, { connection, source });
    },
    isBatch: (topic) => batchTopic.test(topic),
    async take(client, packet) {
      if (taker === null) throw new Error('INTAKE_CLOSED: come back when it has started');
      const source = connections.get(client.conn)?.source ?? 'unknown';
      const bytes = packet.payload.length;
      count(client, { batches: 1, bytes });
      try {
        const answered = await taker({ payload: Buffer.from(packet.payload), source });
        if (answered === null) throw new Error('BATCH_NOT_COMMITTED: send it again');
        const id = batchTopic.exec(packet.topic)?.[1] ?? '';
        publish({ topic: `energy/meter/receipts/${id}`, payload: answered });
      } finally {
        count(client, { batches: -1, bytes: -bytes });
      }
    },
    mayHear(client, topic) {
      if (!receiptTopic.test(topic)) return false;
      const topics = heard.get(client) ?? new Set<string>();
      heard.set(client, topics);
      if (topics.size >= brokerReceiptTopicsMax && !topics.has(topic)) return false;
      topics.add(topic);
      return true;
    },
  };
}
