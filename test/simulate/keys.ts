import type { Delivery } from './delivery.ts';
import { hexOf } from './sender.ts';
import type { SenderKey } from './sender.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import { senderKey } from './world.ts';

/** Gateways take new keys before anybody knows them; old ones are revoked; operators help. */
export class Keys {
  readonly #simulation: Simulation;
  readonly #delivery: Delivery;
  /** By the name of their edge. */
  readonly #unknown = new Map<string, SenderKey>();

  constructor(simulation: Simulation, delivery: Delivery) {
    this.#simulation = simulation;
    this.#delivery = delivery;
  }

  async act(): Promise<string> {
    const { random } = this.#simulation;
    const draw = random.below(10);
    if (draw < 4) return this.#rotate();
    if (draw < 7) {
      await this.registerAll();
      return 'register keys';
    }
    return this.#replay();
  }

  #rotate(): string {
    const { random, senders, keys } = this.#simulation;
    const sender = random.pick(senders);
    if (this.#unknown.has(sender.edge.name)) return 'no key';
    const key = senderKey(random);
    sender.takeKey(key);
    keys.set(hexOf(key.keyId), 'unknown');
    this.#unknown.set(sender.edge.name, key);
    return 'new key';
  }

  /** Of all gateways that have a new one; now and then the old ones are revoked with it. */
  async registerAll(): Promise<void> {
    const simulation = this.#simulation;
    const { random, keys, admin } = simulation;
    if (this.#unknown.size === 0) return;
    const before = simulation.fleet.edges;
    const edges = before.map((edge) => {
      const key = this.#unknown.get(edge.name);
      return key === undefined
        ? edge
        : { ...edge, publicKeys: [...edge.publicKeys, key.publicKey] };
    });
    await simulation.register({ ...simulation.fleet, edges });
    for (const [name, key] of this.#unknown) {
      keys.delete(hexOf(key.keyId));
      const edgeId = simulation.registered.edges.get(name)?.edgeId ?? 0;
      if (!random.chance(0.5)) continue;
      const at = new Date(simulation.nowMs);
      const revoked = await admin<{ keyId: string }[]>`
        update edge_key set revoked_at = ${at}
        where edge_id = ${edgeId} and public_key <> ${key.publicKey} and revoked_at is null
        returning encode(key_id, 'hex') as "keyId"`;
      for (const { keyId } of revoked) keys.set(keyId, 'revoked');
      // Whoever revokes a key does not declare it any more.
      const kept = simulation.fleet.edges.map((edge) =>
        edge.name === name ? { ...edge, publicKeys: [key.publicKey] } : edge,
      );
      simulation.fleet = { ...simulation.fleet, edges: kept };
    }
    this.#unknown.clear();
  }

  /** An operator takes in what was refused because nobody knew its key. */
  async #replay(): Promise<string> {
    const simulation = this.#simulation;
    const { random, keys } = simulation;
    const waiting = [...this.#delivery.waitingForKey].filter(
      ([, batch]) => !keys.has(batch.keyId) && batch.answer !== 'refused',
    );
    if (waiting.length === 0) return 'nothing to replay';
    const [hash, batch] = random.pick(waiting);
    this.#delivery.waitingForKey.delete(hash);
    batch.attemptsMs.push(simulation.nowMs);
    // It may be in the log from now on, and its sender has heard nothing.
    if (batch.answer === null) batch.isInDoubt = true;
    this.#delivery.suspected.add(hash);
    const input = { idempotencyKey: random.uuid(), key: `${hash}.BATCH_KEY_UNKNOWN` };
    const replayed = await simulation.insist((sql) =>
      simulation.operations.replayQuarantined(simulation.officeDeps(sql), simulation.viewer, {
        ...input,
        reason: 'its key is registered now',
      }),
    );
    if (!replayed.ok && replayed.code !== 'QUARANTINE_STILL_REFUSED') {
      throw new Violation('REPLAY_REFUSED', `${replayed.code} ${replayed.message}`);
    }
    return replayed.ok ? `replay ${replayed.value.state}` : 'replay refused';
  }
}
