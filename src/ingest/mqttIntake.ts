import mqtt from 'mqtt';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import { mqttBatchesMax, mqttReconnectMs, mqttSessionS } from '../domain/limits.ts';
import type { SigningKey } from '../wire/envelope.ts';
import type { Intake } from './intake.ts';
import { takeMqttBatch } from './mqttBatch.ts';
import type { MqttAnswer } from './mqttBatch.ts';

export type MqttIntakeOptions = {
  readonly intake: Intake;
  /** Signs receipts. */
  readonly key: SigningKey;
  readonly brokerUrl: string;
  /** Stable over restarts and different in each process: see `clientIdOf`. */
  readonly slot: string;
  report(problem: { readonly code: string; readonly error: unknown }): void;
};

export type MqttIntake = {
  stats(): { readonly version: 4 | 5; readonly isSubscribed: boolean; readonly batches: number };
  stop(): Promise<void>;
};

const batchesFilter = 'energy/meter/batches/+';
const receiptsPrefix = 'energy/meter/receipts/';

/** "Unsupported protocol version": 1 in MQTT 3.1.1, table 3.1, and 0x84 in MQTT 5, 3.2.2.2. */
const versionRefused: ReadonlySet<unknown> = new Set([1, 0x84]);

/** Of a broker, what was not acknowledged comes back to this id alone. */
function clientIdOf(slot: string): string {
  return `joulebook-ingest-${slot}`;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && typeof value[0] === 'string' ? value[0] : undefined;
}

/** Where the answer goes: what the gateway asked for, as far as it is a topic of receipts. */
function receiptTopicOf({ topic, properties }: IPublishPacket): string {
  const asked = properties?.responseTopic;
  if (asked?.startsWith(receiptsPrefix) === true) return asked;
  return receiptsPrefix + (topic.split('/').at(-1) ?? '');
}

function optionsOf(slot: string, version: 4 | 5): IClientOptions {
  const session = { sessionExpiryInterval: mqttSessionS, receiveMaximum: mqttBatchesMax };
  return {
    clientId: clientIdOf(slot),
    clean: false,
    protocolVersion: version,
    reconnectPeriod: mqttReconnectMs,
    ...tlsTerms,
    ...(version === 5 && { properties: session }),
  };
}

/** Handed on to node:tls for mqtts://; the package's types do not know it. */
const tlsTerms = { minVersion: 'TLSv1.3' };

type Connection = { readonly client: MqttClient; readonly version: 4 | 5 };

/**
 * Takes gateways' batches from a broker of the user's own. PUBACK follows the commit, so what a
 * process has taken and not committed stays with the broker; while the intake is full nothing more
 * is read. Two processes share the work where the broker speaks MQTT 5.
 */
export function startMqttClient(options: MqttIntakeOptions): MqttIntake {
  const { intake, key, report } = options;
  let isSubscribed = false;
  let isStopped = false;
  let batches = 0;
  let connection = connect(5);

  function publish(client: MqttClient, packet: IPublishPacket, answer: MqttAnswer): void {
    const correlationData = packet.properties?.correlationData;
    const properties = {
      contentType: answer.contentType,
      ...(correlationData !== undefined && { correlationData }),
    };
    const isNew = connection.version === 5;
    const terms = { qos: 1, ...(isNew && { properties }) } as const;
    client.publish(receiptTopicOf(packet), Buffer.from(answer.payload), terms, (error) => {
      // The gateway sends its batch again and hears then.
      if (error !== undefined && error !== null && !isStopped) {
        report({ code: 'RECEIPT_NOT_PUBLISHED', error });
      }
    });
  }

  async function take(client: MqttClient, packet: IPublishPacket): Promise<boolean> {
    const { properties } = packet;
    const user = properties?.userProperties;
    const answer = await takeMqttBatch(
      { intake, key },
      {
        payload: Buffer.from(packet.payload),
        // The broker stands between: gateways are told apart by their topics.
        source: packet.topic,
        keyId: textOf(user?.['key-id']),
        signature: textOf(user?.['signature']),
        contentType: properties?.contentType ?? textOf(user?.['content-type']),
        contentEncoding: textOf(user?.['content-encoding']),
      },
    );
    if (answer === null) return false;
    batches += 1;
    if (client.connected) publish(client, packet, answer);
    return true;
  }

  /**
   * mqtt.js takes one packet after the other: each waits for the callback of the one before. Called
   * with an error it goes on without acknowledging; called again without one, it acknowledges.
   * So many batches share a commit, and each is acknowledged after it.
   */
  function handle(client: MqttClient): void {
    let underWay = 0;
    let session = 0;
    const goOn: (() => void)[] = [];
    client.on('close', () => {
      // What that connection has not acknowledged comes again; its numbers mean others then.
      session += 1;
    });
    client.handleMessage = (packet, callback) => {
      const begun = session;
      const next = (): void => callback(new Error('acknowledged later'));
      const acknowledge = async (): Promise<void> => {
        const isCommitted = await take(client, packet);
        if (isCommitted && session === begun) callback();
      };
      underWay += 1;
      if (underWay < mqttBatchesMax) next();
      else goOn.push(next);
      acknowledge()
        .catch((error: unknown) => report({ code: 'BATCH_NOT_TAKEN', error }))
        .finally(() => {
          underWay -= 1;
          goOn.shift()?.();
        });
    };
  }

  function connect(version: 4 | 5): Connection {
    const client = mqtt.connect(options.brokerUrl, optionsOf(options.slot, version));
    handle(client);
    client.on('connect', () => {
      // One subscriber of several takes each batch; on 3.1.1 there is no such thing.
      const filter = version === 5 ? `$share/ingest/${batchesFilter}` : batchesFilter;
      client.subscribe(filter, { qos: 1 }, (error) => {
        isSubscribed = error === null || error === undefined;
        if (!isSubscribed) report({ code: 'INTAKE_NOT_SUBSCRIBED', error });
      });
    });
    client.on('close', () => {
      isSubscribed = false;
    });
    client.on('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      if (version === 5 && versionRefused.has(code) && !isStopped) {
        client.end(true);
        connection = connect(4);
      } else {
        report({ code: 'BROKER_UNREACHABLE', error });
      }
    });
    return { client, version };
  }

  return {
    stats: () => ({ version: connection.version, isSubscribed, batches }),
    async stop() {
      isStopped = true;
      await connection.client.endAsync(true);
    },
  };
}
