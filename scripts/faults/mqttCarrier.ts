import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import mqtt from 'mqtt';
import { answerMsMax, codeIn, readReceipt, unanswered } from './carrier.ts';
import type { Carrier, SendAnswer } from './carrier.ts';

type Pending = {
  readonly hash: string;
  readonly carriedSha256: string;
  settle(answer: SendAnswer): void;
};

/** `{`, with which a problem begins; a SignedReceipt begins with the tag of its payload, 0x0a. */
const jsonStart = 0x7b;
/** Nobody says which of the intakes behind a shared subscription answered. */
const viaBroker = -1;

/** A gateway's own topics; it believes the receipt that comes back and no PUBACK. */
export function mqttCarrier(
  url: string,
  { edgeId, serverKey }: { edgeId: number; serverKey: KeyObject | null },
): Carrier {
  const client = mqtt.connect(url, { reconnectPeriod: 200, clean: true, protocolVersion: 4 });
  client.on('error', () => {}); // it comes back by itself
  client.subscribe(`energy/meter/receipts/${edgeId}`, { qos: 1 });
  const pending = new Set<Pending>();
  client.on('message', (_topic, payload) => {
    if (payload[0] === jsonStart) {
      const problem: unknown = JSON.parse(payload.toString('utf8'));
      const sha256 = String(Reflect.get(Object(problem), 'carriedSha256'));
      for (const each of pending) {
        if (each.carriedSha256 !== sha256) continue;
        each.settle({ kind: 'refused', code: codeIn(problem) });
      }
      return;
    }
    const answer = readReceipt(payload, { serverKey, via: viaBroker });
    for (const each of pending) {
      if (answer.kind === 'receipt' && answer.hash === each.hash) each.settle(answer);
      if (answer.kind === 'refused' && answer.hash === each.hash) each.settle(answer);
    }
  });
  return {
    async send({ hash, carried }) {
      if (!client.connected) return unanswered;
      const { promise, resolve } = Promise.withResolvers<SendAnswer>();
      const carriedSha256 = createHash('sha256').update(carried).digest('hex');
      const mine: Pending = { hash, carriedSha256, settle: resolve };
      pending.add(mine);
      const late = setTimeout(() => resolve(unanswered), answerMsMax);
      // Without a PUBACK it is sent again all the same, after the time for a receipt.
      client.publish(`energy/meter/batches/${edgeId}`, Buffer.from(carried), { qos: 1 }, () => {});
      const answer = await promise;
      clearTimeout(late);
      pending.delete(mine);
      return answer;
    },
    async close() {
      await client.endAsync(true);
    },
  };
}
