import { busBackOffMsMax, busBackOffMsMin, busBackOffWaitedMsMax, busGapMsMin } from './limits.ts';
import { refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { backOffMs } from './breaker.ts';
import { pause } from './busClock.ts';
import type { BusClock } from './busClock.ts';
import { openSession } from './busSession.ts';
import type { BusAddress, BusSession, LinkFailure } from './busSession.ts';

export type LineFailure = LinkFailure | 'BUS_UNREACHABLE' | 'BUS_CLOSED' | 'BUS_BUSY';

export type LineCounters = {
  connects: number;
  requests: number;
  answers: number;
  failures: Record<LineFailure, number>;
  /** Frames that came when none was awaited: late answers, thrown away. */
  staleFrames: number;
  quarantines: number;
};

type Request<T> = {
  readonly unitId: number;
  readonly responseMsMax: number;
  readonly minGapMs: number;
  readonly deadlineMs: number;
  send(
    session: BusSession,
    slot: { unitId: number; timeoutMs: number },
  ): Promise<Outcome<T, LinkFailure>>;
};

/**
 * The physical line of one bus: one connection, one request at a time, silence between requests,
 * and quarantine after doubt. The caller must not overlap requests; the bus's queue sees to that.
 */
export type BusLine = {
  request<T>(request: Request<T>): Promise<Outcome<T, LineFailure>>;
  /** Grows with every time-out and every garbage: a device cleared before it is in doubt again. */
  doubtEpoch(): number;
  isConnected(): boolean;
  counters(): LineCounters;
  close(): void;
};

export function createLine(options: {
  address: BusAddress;
  clock: BusClock;
  gapMs?: number;
}): BusLine {
  const { address, clock } = options;
  const { gapMs } = options;
  const closing = new AbortController();
  const counters = newCounters();
  let session: BusSession | null = null;
  let connectFailures = 0;
  let unreachableUntilMs = 0;
  let quarantineUntilMs = 0;
  // A serial line may still carry the answer to a request of the process before this one.
  let doubtEpoch = address.kind === 'rtu' ? 1 : 0;
  let lastExchangeEndMs = 0;

  function dropSession(): void {
    if (session === null) return;
    counters.staleFrames += session.staleFrames();
    session.close();
    session = null;
  }

  /** Late answers die here: nobody listens until the slowest device has had its time. */
  async function sitOutQuarantine(): Promise<void> {
    if (quarantineUntilMs === 0) return;
    await pause(clock, quarantineUntilMs - clock.nowMs(), closing.signal);
    quarantineUntilMs = 0;
    session?.forget();
    // A fresh TCP connection also gets rid of a peer that vanished without a word.
    if (address.kind === 'tcp') dropSession();
  }

  async function connected(): Promise<Outcome<BusSession, LineFailure>> {
    if (closing.signal.aborted) return closedRefusal();
    if (session?.isOpen() === true) return { ok: true, value: session };
    if (session !== null) {
      if (session.answers() === 0) startBackOff();
      dropSession();
    }
    const waitMs = unreachableUntilMs - clock.nowMs();
    if (waitMs > busBackOffWaitedMsMax) {
      return refuse('BUS_UNREACHABLE', `The bus is unreachable; next attempt in ${waitMs} ms.`);
    }
    await pause(clock, waitMs, closing.signal);
    counters.connects += 1;
    const opened = await openSession(address, clock, closing.signal);
    if (!opened.ok) {
      startBackOff();
      return opened;
    }
    if (closing.signal.aborted) {
      opened.value.close();
      return closedRefusal();
    }
    session = opened.value;
    return opened;
  }

  function startBackOff(): void {
    const delayMs = backOffMs({
      attempt: connectFailures,
      minMs: busBackOffMsMin,
      maxMs: busBackOffMsMax,
      random: clock.random(),
    });
    connectFailures += 1;
    unreachableUntilMs = clock.nowMs() + delayMs;
  }

  async function exchangeOnce<T>(request: Request<T>): Promise<Outcome<T, LineFailure>> {
    await sitOutQuarantine();
    const live = await connected();
    if (!live.ok) return live;
    const quietMs = gapMs ?? Math.max(busGapMsMin, request.minGapMs);
    const silentMs = Math.max(quietMs, silenceMs(address));
    await pause(clock, lastExchangeEndMs + silentMs - clock.nowMs(), closing.signal);
    if (closing.signal.aborted) return closedRefusal();
    const sentAtMs = clock.nowMs();
    const timeoutMs = request.responseMsMax;
    // A unit gets its whole time to answer or is not asked: it is not blamed for our queue.
    if (request.deadlineMs - sentAtMs < timeoutMs) {
      return refuse('BUS_BUSY', 'The bus did not get to this in time. Poll it less often.');
    }
    counters.requests += 1;
    const answer = await request.send(live.value, { unitId: request.unitId, timeoutMs });
    lastExchangeEndMs = clock.nowMs();
    if (answer.ok) {
      counters.answers += 1;
      connectFailures = 0;
      return answer;
    }
    if (closing.signal.aborted) return closedRefusal();
    if (answer.code === 'DEVICE_TIMEOUT' || answer.code === 'DEVICE_GARBAGE') {
      doubtEpoch += 1;
      counters.quarantines += 1;
      const slowestMs = request.responseMsMax;
      quarantineUntilMs = Math.max(sentAtMs + slowestMs, lastExchangeEndMs) + slowestMs;
    }
    return answer;
  }

  return {
    async request(request) {
      // A peer may close an idle connection just as we write: that is not the device's failure.
      const reused = session !== null && session.answers() > 0;
      let answer = await exchangeOnce(request);
      if (!answer.ok && answer.code === 'DEVICE_CLOSED' && reused) {
        counters.failures.DEVICE_CLOSED += 1;
        answer = await exchangeOnce(request);
      }
      if (!answer.ok) counters.failures[answer.code] += 1;
      return answer;
    },
    doubtEpoch: () => doubtEpoch,
    isConnected: () => session?.isOpen() === true,
    counters: () => ({
      ...counters,
      failures: { ...counters.failures },
      staleFrames: counters.staleFrames + (session?.staleFrames() ?? 0),
    }),
    close() {
      closing.abort();
      dropSession();
    },
  };
}

/** t3.5, the silence that ends an RTU frame (Modbus over Serial Line 1.02, 2.5.1.1). */
function silenceMs(address: BusAddress): number {
  if (address.kind === 'tcp') return 0;
  return address.baudRate > 19_200 ? 2 : Math.ceil((3.5 * 11 * 1000) / address.baudRate);
}

function closedRefusal(): ReturnType<typeof refuse<'BUS_CLOSED'>> {
  return refuse('BUS_CLOSED', 'The bus is closed; nothing was sent.');
}

function newCounters(): LineCounters {
  return {
    connects: 0,
    requests: 0,
    answers: 0,
    failures: {
      DEVICE_TIMEOUT: 0,
      DEVICE_CLOSED: 0,
      DEVICE_GARBAGE: 0,
      DEVICE_EXCEPTION: 0,
      GATEWAY_EXCEPTION: 0,
      BUS_UNREACHABLE: 0,
      BUS_CLOSED: 0,
      BUS_BUSY: 0,
    },
    staleFrames: 0,
    quarantines: 0,
  };
}
