import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { Sql } from '../db/connect.ts';
import { eventShards, readEvents } from '../db/events.ts';
import type { SequencedBlock } from '../db/events.ts';
import { relayPosition, setRelayPosition } from '../db/relays.ts';
import {
  eventsPerRelayMax,
  relayBackOffMs,
  relaySweepMs,
  updatesPerMessageMax,
} from '../domain/limits.ts';
import { createBellRope } from '../stream/bellRope.ts';

const relay = 'broker';
const topic = 'energy/billing/updates';

export type UpdatePublisherOptions = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly brokerUrl: string;
  report(problem: { readonly code: string; readonly error: unknown }): void;
};

export type UpdatePublisher = {
  /** Events were committed: look now and not at the next sweep. */
  ring(): void;
  stats(): { readonly messages: number; readonly updates: number; readonly connected: boolean };
  stop(): Promise<void>;
};

/**
 * The messages of one event. Money as text in micro-units of the account's currency, because many
 * readers of JSON make floats of large numbers.
 */
export function messagesOf(block: SequencedBlock): readonly string[] {
  const updates = Array.from(block.meterIds, (meterId, row) => ({
    meterId,
    accountId: block.accountIds[row] === 0 ? null : block.accountIds[row],
    readAt: new Date(block.readAtMs[row]).toISOString(),
    registerWh: block.registerWh[row].toString(),
    powerW: block.powerW[row],
    energyWh: block.energyWh[row].toString(),
    chargedMicros: block.chargedMicros[row].toString(),
    balanceMicros: block.balanceMicros[row].toString(),
  }));
  const messages: string[] = [];
  for (let from = 0; from < updates.length; from += updatesPerMessageMax) {
    messages.push(
      JSON.stringify({
        companyId: block.companyId,
        shard: block.shard,
        sequence: block.sequence.toString(),
        at: new Date(block.atMs).toISOString(),
        updates: updates.slice(from, from + updatesPerMessageMax),
      }),
    );
  }
  return messages;
}

/**
 * Tells the broker what was rated, after its commit and at least once: the relay's cursor moves
 * when the broker has acknowledged, so a crash repeats messages and loses none. Receivers tell
 * repeats by shard and sequence.
 */
export function startUpdatePublisher(options: UpdatePublisherOptions): UpdatePublisher {
  const { sql, report } = options;
  const rope = createBellRope();
  const counts = { messages: 0, updates: 0 };
  const positions = new Map<number, bigint>();
  const client: MqttClient = mqtt.connect(options.brokerUrl, { reconnectPeriod: relayBackOffMs });
  client.on('error', (error) => report({ code: 'BROKER_UNREACHABLE', error }));
  client.on('connect', () => rope.ring());
  let stopping = false;

  async function publish(block: SequencedBlock): Promise<void> {
    if (block.kind !== 'rated') return;
    for (const message of messagesOf(block)) {
      await client.publishAsync(topic, message, { qos: 1 });
      counts.messages += 1;
    }
    counts.updates += block.meterIds.length;
  }

  /** True when there may be more. */
  async function relayShard(shard: number): Promise<boolean> {
    const after = positions.get(shard) ?? (await relayPosition(sql, { relay, shard }));
    positions.set(shard, after);
    const blocks = await readEvents(sql, { shard, after, limit: eventsPerRelayMax });
    for (const block of blocks) {
      if (stopping) return false;
      await publish(block);
      positions.set(shard, block.sequence);
    }
    const sequence = positions.get(shard);
    if (blocks.length > 0 && sequence !== undefined) {
      await setRelayPosition(sql, { relay, shard, sequence });
    }
    return blocks.length === eventsPerRelayMax;
  }

  async function look(): Promise<void> {
    for (let shard = 0; shard < eventShards; shard += 1) {
      while (!stopping && client.connected && (await relayShard(shard)));
    }
  }

  async function run(): Promise<void> {
    // The places are taken at the start: what is rated before the broker is there is told later.
    while (!stopping) {
      let waitMs = relaySweepMs;
      try {
        for (let shard = 0; shard < eventShards; shard += 1) {
          if (!positions.has(shard)) {
            positions.set(shard, await relayPosition(sql, { relay, shard }));
          }
        }
        await look();
      } catch (error) {
        if (!stopping) report({ code: 'UPDATES_DELAYED', error });
        positions.clear();
        waitMs = relayBackOffMs;
      }
      if (!stopping) await rope.wait(waitMs);
    }
  }

  const ended = run();
  return {
    ring: () => rope.ring(),
    stats: () => ({ ...counts, connected: client.connected }),
    async stop() {
      stopping = true;
      rope.ring();
      // Ends what waits for the broker's acknowledgement, too.
      await client.endAsync(true);
      await ended;
    },
  };
}
