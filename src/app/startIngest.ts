import type { SigningKey } from '../wire/envelope.ts';
import { readBusPlans } from '../db/busPlans.ts';
import { takeEpoch } from '../db/edges.ts';
import { listenForEvents } from '../db/events.ts';
import type { EdgeId } from '../domain/ids.ts';
import { busPlansReadMs } from '../domain/limits.ts';
import { createCommandLink } from '../ingest/commandLink.ts';
import { startCommandWorker } from '../ingest/commandWorker.ts';
import { openHeadEnd } from '../ingest/headEnd.ts';
import { createPoller, startPolling } from '../ingest/poller.ts';
import type { Poller, PollerOptions } from '../ingest/poller.ts';
import { startUpdatePublisher } from '../ingest/updatePublisher.ts';
import { commitBatches } from '../operations/commitBatches.ts';
import type { Parts } from './parts.ts';

export type IngestOptions = {
  readonly edgeId: EdgeId;
  readonly key: SigningKey;
  /** Where rated updates are told; nobody is told while it is null. */
  readonly brokerUrl: string | null;
  readonly lineOptions?: NonNullable<PollerOptions['lineOptions']>;
};

async function startCommands(parts: Parts, poller: Poller, lane: string): Promise<void> {
  const { writer, bells, clock, log, closing, queues } = parts;
  const commands = await startCommandWorker({
    sql: writer.sql,
    clock,
    wake: (bell) => bells.wake(bell),
    link: createCommandLink({ busOf: (busId) => poller.busOf(busId), clock }),
    queue: await queues.open('sendCommand', lane),
    ownsBus: (busId) => poller.busOf(busId) !== undefined,
    report: ({ error }) => log.error({ err: error }, 'COMMAND_LOOK_FAILED'),
  });
  bells.onWork('commands', () => commands.ring());
  closing.add('command worker', () => commands.stop());
}

async function startUpdates(parts: Parts, brokerUrl: string): Promise<void> {
  const { writer, log, closing } = parts;
  const publisher = startUpdatePublisher({
    sql: writer.sql,
    brokerUrl,
    report: ({ code, error }) => log.warn({ err: error }, code),
  });
  const listener = await listenForEvents(writer.sql, () => publisher.ring());
  closing.add('update publisher', async () => {
    await listener.close();
    await publisher.stop();
  });
}

/** Meters are exchanged while the buses are polled. */
function followPlans({ writer, log, closing }: Parts, poller: Poller, edgeId: EdgeId): void {
  const timer = setInterval(() => {
    readBusPlans(writer.sql, edgeId).then(
      (plans) => poller.replan(plans),
      (error: unknown) => log.warn({ err: error }, 'BUS_PLANS_UNREAD'),
    );
  }, busPlansReadMs);
  closing.add('bus plans', () => clearInterval(timer));
}

/** Role `ingest`: polls the buses of one edge, sends its commands, tells the broker. */
export async function startIngest(parts: Parts, options: IngestOptions): Promise<Poller> {
  const { writer, bells, clock, log, closing, queues } = parts;
  const { edgeId, key, lineOptions } = options;
  const plans = await readBusPlans(writer.sql, edgeId);
  const headEnd = openHeadEnd({
    edgeId,
    epoch: await takeEpoch(writer.sql, edgeId),
    key,
    clock,
    commit: (carried) => commitBatches({ sql: writer.sql, clock }, carried),
    onCommitted: () => bells.wake({ kind: 'rating' }),
    report: ({ code, message }) => log.error({ code }, message),
  });
  closing.add('head-end', () => headEnd.stop());
  const poller = createPoller({
    plans,
    headEnd,
    clock,
    ...(lineOptions !== undefined && { lineOptions }),
  });
  closing.add('buses', () => poller.close());
  followPlans(parts, poller, edgeId);
  const lane = `edge-${edgeId}`;
  await startCommands(parts, poller, lane);
  await startPolling(poller, plans, await queues.open('pollBus', lane), (busId, { refused }) => {
    for (const { meterId, code } of refused) {
      if (code === 'BUS_CLOSED') continue; // by our own end
      log.warn({ busId, meterId, code }, 'METER_NOT_READ');
    }
  });
  if (options.brokerUrl !== null) await startUpdates(parts, options.brokerUrl);
  return poller;
}
