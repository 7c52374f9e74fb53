import type { KeyObject } from 'node:crypto';
import { rawPublicKey } from '../cli/keyFile.ts';
import { keyIdOf } from '../db/fleet.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Broker } from '../embedded/broker.ts';
import { startHttpIntake } from '../ingest/httpIntake.ts';
import { createIntake } from '../ingest/intake.ts';
import type { Intake } from '../ingest/intake.ts';
import { readTls } from '../ingest/intakeTls.ts';
import { takeMqttBatch } from '../ingest/mqttBatch.ts';
import { startMqttClient } from '../ingest/mqttIntake.ts';
import { commitBatches } from '../operations/commitBatches.ts';
import type { SigningKey } from '../wire/envelope.ts';
import type { Config, IntakeConfig } from './config.ts';
import type { Parts } from './parts.ts';

export type IntakeStart = Pick<IntakeConfig, 'port' | 'isPortAsked' | 'tls'> & {
  readonly host: string;
  /** Signs receipts. */
  readonly key: KeyObject;
};

type MqttDoor = { readonly embedded: Pick<Broker, 'takeBatches'> | null };

export type StartedIntake = {
  readonly url: string;
  /** For whoever checks receipts: hex of the key's id and of its 32 public bytes. */
  readonly receiptKey: { readonly keyId: string; readonly publicKey: string };
  readonly intake: Intake;
  readonly key: SigningKey;
};

/** Takes signed batches of gateways over HTTP; other transports offer to the same intake. */
export async function startIntake(
  { writer, bells, clock, log, closing }: Parts,
  { host, port, isPortAsked, tls: tlsFiles, key: privateKey }: IntakeStart,
): Promise<Outcome<StartedIntake, string>> {
  const tls = tlsFiles === null ? null : readTls(tlsFiles);
  if (tls !== null && !tls.ok) return tls;
  const publicKey = rawPublicKey(privateKey);
  const key = { privateKey, keyId: keyIdOf(publicKey) };
  const report = ({ code, error }: { code: string; error: unknown }): void =>
    log.error({ err: error }, code);
  const intake = createIntake({
    commit: (carried) => commitBatches({ sql: writer.sql, clock }, carried),
    clock,
    onCommitted: () => bells.wake({ kind: 'rating' }),
    report,
  });
  closing.add('intake', () => intake.stop());
  const options = { intake, key, tls: tls?.value ?? null, host, report };
  let http = await startHttpIntake({ ...options, port });
  if (!http.ok && !isPortAsked) http = await startHttpIntake({ ...options, port: 0 });
  if (!http.ok) return http;
  const { url, close } = http.value;
  closing.add('intake listener', close);
  const receiptKey = {
    keyId: Buffer.from(key.keyId).toString('hex'),
    publicKey: Buffer.from(publicKey).toString('hex'),
  };
  return accept({ url, receiptKey, intake, key });
}

/** Batches over MQTT: through the embedded broker's own door, or from a broker of the user's. */
export function startMqttIntake(
  { log, closing }: Parts,
  { intake, key }: StartedIntake,
  { mqttUrl, intake: { slot }, embedded }: Pick<Config, 'mqttUrl' | 'intake'> & MqttDoor,
): void {
  if (embedded !== null) {
    embedded.takeBatches(async (batch) => {
      const answer = await takeMqttBatch({ intake, key }, batch);
      return answer === null ? null : answer.payload;
    });
  } else if (mqttUrl !== null) {
    const mqtt = startMqttClient({
      intake,
      key,
      brokerUrl: mqttUrl,
      slot,
      report: ({ code, error }) => log.warn({ err: error }, code),
    });
    closing.add('MQTT intake', () => mqtt.stop());
  }
}
