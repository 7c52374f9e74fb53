import { setTimeout as delay } from 'node:timers/promises';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';

/** Those who are told: a program at the broker, and a customer's browser at the API. */

type Update = { readonly shard: number; readonly sequence: bigint };

function updateIn(payload: Buffer): Update | null {
  const message: unknown = JSON.parse(payload.toString('utf8'));
  if (typeof message !== 'object' || message === null) return null;
  const shard = Number(Reflect.get(message, 'shard'));
  const sequence: unknown = Reflect.get(message, 'sequence');
  return typeof sequence === 'string' ? { shard, sequence: BigInt(sequence) } : null;
}

/** Subscribes to the rated updates for as long as the run lasts. */
export class BrokerListener {
  readonly heard = new Set<string>();
  messages = 0;
  lastMs = 0;
  readonly #client: MqttClient;

  constructor(url: string) {
    this.#client = mqtt.connect(url, { reconnectPeriod: 200, clean: true });
    this.#client.on('error', () => {}); // it comes back by itself
    this.#client.on('message', (_topic, payload) => {
      this.messages += 1;
      this.lastMs = performance.now();
      const update = updateIn(payload);
      if (update !== null) this.heard.add(`${update.shard}/${update.sequence}`);
    });
    this.#client.subscribe('energy/billing/updates', { qos: 1 });
  }

  /** A consumer that does not read for a while. */
  async dawdle(ms: number): Promise<void> {
    const { stream } = this.#client;
    stream.pause();
    await delay(ms);
    stream.resume();
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

const query = `subscription ($id: ID!, $after: Cursor) {
  accountBalance(accountId: $id, after: $after) {
    __typename
    ... on StreamEvent { cursor }
    ... on AccountSnapshot { balance { amount } }
    ... on AccountBalanceChange { balance { amount } charged { amount } }
  }
}`;

/** `-1.25` is -1,250,000: money travels as a decimal text. */
function microsOf(text: string): bigint {
  const [whole, decimals = ''] = text.replace('-', '').split('.');
  const micros = BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0').slice(0, 6));
  return text.startsWith('-') ? -micros : micros;
}

function fieldOf(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, name);
  }
  return current;
}

/**
 * Follows one account's balance by server-sent events, and comes back with its cursor after every
 * break. Each change must go on exactly where the one before ended: an event that is lost or told
 * twice breaks the chain.
 */
export class BalanceFollower {
  balanceMicros: bigint | null = null;
  changes = 0;
  reconnects = 0;
  readonly broken: string[] = [];
  #cursor: string | null = null;
  #isClosed = false;
  #dawdleMs = 0;
  #aborter = new AbortController();
  readonly #ended: Promise<void>;
  readonly #given: { graphql: string; token: string; accountId: number };

  constructor(given: { graphql: string; token: string; accountId: number }) {
    this.#given = given;
    this.#ended = this.#follow();
  }

  dawdle(ms: number): void {
    this.#dawdleMs = ms;
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#connect();
      } catch {
        // the API is away
      }
      this.reconnects += 1;
      if (!this.#isClosed) await delay(200);
    }
  }

  async #connect(): Promise<void> {
    const { graphql, token, accountId } = this.#given;
    const id = Buffer.from(`Account:${accountId}`).toString('base64url');
    this.#aborter = new AbortController();
    const response = await fetch(graphql, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query, variables: { id, after: this.#cursor } }),
      signal: this.#aborter.signal,
    });
    if (response.body === null) return;
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) this.#take(/^data: (.+)$/m.exec(event)?.[1]);
      if (this.#dawdleMs > 0) {
        const ms = this.#dawdleMs;
        this.#dawdleMs = 0;
        await delay(ms);
      }
    }
  }

  #take(data: string | undefined): void {
    if (data === undefined) return;
    const item = fieldOf(JSON.parse(data), 'data', 'accountBalance');
    const cursor = fieldOf(item, 'cursor');
    if (typeof cursor !== 'string') return;
    this.#cursor = cursor;
    const amount = fieldOf(item, 'balance', 'amount');
    if (typeof amount !== 'string') return;
    const balance = microsOf(amount);
    const charged = fieldOf(item, 'charged', 'amount');
    if (typeof charged === 'string') {
      this.changes += 1;
      const expected = (this.balanceMicros ?? balance) - microsOf(charged);
      if (this.balanceMicros !== null && expected !== balance) {
        this.broken.push(`EVENT_CHAIN_BROKEN: balance ${balance} told, ${expected} expected`);
      }
    }
    this.balanceMicros = balance;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#aborter.abort();
    await this.#ended;
  }
}
