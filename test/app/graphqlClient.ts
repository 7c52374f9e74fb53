import { createClient } from 'graphql-ws';
import type { SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';

/** A client of a running API, by each of its transports. */

export type Endpoint = { readonly graphql: string; readonly token: string };
export type Answer = { readonly status: number; readonly body: Record<string, unknown> };

export async function post({ graphql, token }: Endpoint, body: object): Promise<Answer> {
  const response = await fetch(graphql, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  // Of a server under test: the expectations look at what it is.
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body: answer };
}

/** The value at a path of an answer; undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Object.entries(current).find(([name]) => name === String(step))?.[1];
  }
  return current;
}

/** Messages of a subscription over server-sent events, until `isEnough`. */
export async function overEvents(
  { graphql, token }: Endpoint,
  body: object,
  isEnough: (messages: readonly unknown[]) => boolean,
): Promise<readonly unknown[]> {
  const aborter = new AbortController();
  const response = await fetch(graphql, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify(body),
    signal: aborter.signal,
  });
  if (response.body === null) throw new Error(`no stream: ${response.status}`);
  const messages: unknown[] = [];
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.+)$/m.exec(event)?.[1];
      if (data !== undefined) messages.push(JSON.parse(data));
    }
    if (isEnough(messages)) break;
  }
  aborter.abort();
  return messages;
}

export async function overWebSocket(
  { graphql, token }: Endpoint,
  request: SubscribePayload,
  isEnough: (messages: readonly unknown[]) => boolean,
): Promise<readonly unknown[]> {
  const client = createClient({
    url: graphql.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
  });
  const messages: unknown[] = [];
  try {
    for await (const message of client.iterate(request)) {
      messages.push(message);
      if (isEnough(messages)) break;
    }
  } finally {
    await client.dispose();
  }
  return messages;
}
