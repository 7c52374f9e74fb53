import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { callbackify } from 'node:util';
import { Aedes } from 'aedes';
import type { AuthenticateError, Client } from 'aedes';
import { assert } from '../domain/assert.ts';
import { brokerBacklogBytesMax, brokerClientsMax } from '../domain/limits.ts';
import { brokerPacketBytesMax, brokerStallMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { createBatchDoor } from './batchDoor.ts';
import type { BatchDoor, BatchTaker } from './batchDoor.ts';
import { boundConnection } from './boundedConnection.ts';
import type { BoundConnection } from './boundedConnection.ts';

/** What a start publishes, and all that anybody may listen to besides receipts. */
export const updatesTopic = 'energy/billing/updates';
/** The ports that IANA gave to MQTT, where clients look without being told. */
const portPreferred = 1_883;
const tlsPortPreferred = 8_883;
const publisherName = 'publisher';
const connectMsMax = 5_000;
const clientIdLengthMax = 128;

// Return codes of CONNACK. Source: OASIS MQTT 3.1.1, table 3.1.
const identifierRejected = 2;
const serverUnavailable = 3;
const badCredentials = 4;

export type BrokerOptions = {
  /** Exactly this one, 0 for any free one; without it 1883, or any free one when that is taken. */
  port?: number;
  /** A subscriber that missed updates or was closed for a bound; the broker goes on. */
  onProblem: (message: string) => void;
  /** How long a subscriber may read nothing before it is closed. */
  stallMs?: number;
  /** PEM. With it there is a second listener, for TLS 1.3. */
  tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Of that listener, as `port`; without it 8883, or any free one when that is taken. */
  tlsPort?: number;
};

export type Broker = {
  /** For anybody on this machine: may subscribe to the updates and publish nothing. */
  readonly url: string;
  /** With the credentials of this start; for the process that publishes the updates. */
  readonly publisherUrl: string;
  readonly port: number;
  /** The same with TLS; null without a certificate. */
  readonly tlsUrl: string | null;
  /** From now on batches of gateways are taken; before, they are refused. */
  takeBatches(taker: BatchTaker): void;
  load: () => { clients: number; updatesMissed: number; backlogBytes: number };
  /** Idempotent. */
  stop: () => Promise<void>;
};

type Listener = { readonly server: Server; readonly port: number };

/** On the port that was asked for, or on the usual one, or, when that is taken, on any. */
async function openListener(
  server: Server,
  { asked, usual }: { asked: number | undefined; usual: number },
): Promise<Outcome<Listener, 'PORT_TAKEN'>> {
  // Twice: those beyond the limit are told so in a CONNACK, and many more are not even heard.
  server.maxConnections = 2 * brokerClientsMax;
  let port = await listen(server, asked ?? usual);
  if (port === undefined && asked === undefined) port = await listen(server, 0);
  if (port !== undefined) return accept({ server, port });
  return refuse(
    'PORT_TAKEN',
    `Port ${asked} on 127.0.0.1, for the MQTT broker, is taken by another program; ` +
      'stop it, or choose another port.',
  );
}

export async function startBroker(options: BrokerOptions): Promise<Outcome<Broker, 'PORT_TAKEN'>> {
  const token = randomBytes(24).toString('base64url');
  const load = { updatesMissed: 0 };
  const door = createBatchDoor();
  const aedes = makeBroker({ options, token, load, door });
  const connections = new Set<BoundConnection>();
  const receive = (socket: Socket): void => {
    const connection = boundConnection(socket, {
      packetBytesMax: brokerPacketBytesMax,
      backlogBytesMax: brokerBacklogBytesMax,
      stallMs: options.stallMs ?? brokerStallMsMax,
    });
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    door.watch(connection, socket.remoteAddress ?? 'unknown');
    aedes.handle(connection);
  };
  const plain = createServer({ noDelay: true }, receive);
  const open = await openListener(plain, { asked: options.port, usual: portPreferred });
  if (!open.ok) return open;
  const { tls } = options;
  let secure: Listener | null = null;
  if (tls !== undefined) {
    const mutual = { requestCert: tls.ca !== undefined, rejectUnauthorized: true };
    const terms = { noDelay: true, minVersion: 'TLSv1.3', ...mutual, ...tls } as const;
    const server = createTlsServer(terms, receive);
    const opened = await openListener(server, { asked: options.tlsPort, usual: tlsPortPreferred });
    if (!opened.ok) return opened;
    secure = opened.value;
  }
  await aedes.listen();
  const servers = secure === null ? [plain] : [plain, secure.server];
  const { port } = open.value;
  let stopping: Promise<void> | undefined;
  return accept({
    url: `mqtt://127.0.0.1:${port}`,
    publisherUrl: `mqtt://${publisherName}:${token}@127.0.0.1:${port}`,
    port,
    tlsUrl: secure === null ? null : `mqtts://127.0.0.1:${secure.port}`,
    takeBatches: (taker) => door.open(taker, (packet) => publishReceipt(aedes, packet)),
    load() {
      let backlogBytes = 0;
      for (const connection of connections) backlogBytes += connection.writableLength;
      return { clients: aedes.connectedClients, updatesMissed: load.updatesMissed, backlogBytes };
    },
    stop() {
      stopping ??= stopBroker(aedes, servers, connections);
      return stopping;
    },
  });
}

function publishReceipt(
  aedes: Aedes,
  { topic, payload }: { topic: string; payload: Uint8Array },
): void {
  const packet = { cmd: 'publish', qos: 1, retain: false, dup: false } as const;
  aedes.publish({ ...packet, topic, payload: Buffer.from(payload) }, () => {});
}

function makeBroker(given: {
  options: BrokerOptions;
  token: string;
  load: { updatesMissed: number };
  door: BatchDoor;
}): Aedes {
  const { options, token, load, door } = given;
  const takeBatch = callbackify(door.take);
  const publishers = new Map<string, Client>();
  const behind = new WeakSet<Client>();
  const isPublisher = (client: Client) => publishers.get(client.id) === client;
  const aedes = new Aedes({
    connectTimeout: connectMsMax,
    // Sessions that outlive their connection would keep messages for clients that never return.
    preConnect(_client, packet, done) {
      packet.clean = true;
      const isTooLong = packet.clientId.length > clientIdLengthMax;
      done(
        isTooLong ? new Error('CLIENT_ID_TOO_LONG: use at most 128 characters') : null,
        !isTooLong,
      );
    },
    authenticate(client, username, password, done) {
      const claimsToPublish = username !== undefined && username !== null;
      if (claimsToPublish && !(username === publisherName && isSame(password, token))) {
        done(refusal(badCredentials, 'BAD_CREDENTIALS: leave user and password empty'), null);
      } else if (!claimsToPublish && publishers.has(client.id)) {
        // A second client of the same id would throw the publisher out [MQTT-3.1.4-2].
        done(refusal(identifierRejected, 'CLIENT_ID_TAKEN: choose another client id'), null);
      } else if (!claimsToPublish && aedes.connectedClients >= brokerClientsMax) {
        done(refusal(serverUnavailable, 'BROKER_FULL: try again when others have left'), null);
      } else {
        if (claimsToPublish) publishers.set(client.id, client);
        done(null, true);
      }
    },
    authorizePublish(client, packet, done) {
      if (client !== null && door.isBatch(packet.topic)) {
        takeBatch(client, packet, (error) => done(error));
        return;
      }
      const mayPublish = client === null || (isPublisher(client) && isUpdate(packet.topic));
      done(mayPublish ? null : new Error(`PUBLISH_REFUSED: nobody publishes to ${packet.topic}`));
    },
    // Two filters and few receipts: any number of them would grow the broker's table for ever.
    authorizeSubscribe(client, subscription, done) {
      const { topic } = subscription;
      const isOpen = topic === updatesTopic || topic === `${updatesTopic}/#`;
      const mayRead = isOpen || (client !== null && door.mayHear(client, topic));
      done(null, mayRead ? subscription : null);
    },
    // Updates are for looking: the record is in the ledger, so a slow reader may miss some.
    authorizeForward(client, packet) {
      if (client.conn.writableLength <= brokerBacklogBytesMax) {
        behind.delete(client);
        return packet;
      }
      load.updatesMissed += 1;
      if (!behind.has(client)) options.onProblem(`SUBSCRIBER_BEHIND: ${client.id} misses updates`);
      behind.add(client);
      return null;
    },
  });
  aedes.on('clientDisconnect', (client) => {
    if (isPublisher(client)) publishers.delete(client.id);
  });
  aedes.on('clientError', (client, error) => options.onProblem(`${error.message} (${client.id})`));
  return aedes;
}

function isUpdate(topic: string): boolean {
  return topic === updatesTopic || topic.startsWith(`${updatesTopic}/`);
}

function refusal(returnCode: AuthenticateError['returnCode'], message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode });
}

/** Of hashes: they have one length, and the time tells nothing about the token. */
function isSame(given: Buffer | undefined, token: string): boolean {
  if (given === undefined || given === null) return false;
  return timingSafeEqual(digestOf(given), digestOf(token));
}

function digestOf(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** The port listened on, or undefined when it is taken. */
function listen(server: Server, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    };
    server.once('error', onError);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.off('error', onError);
      const address = server.address();
      assert(typeof address === 'object' && address !== null, 'a TCP server has an address');
      resolve(address.port);
    });
  });
}

async function stopBroker(
  aedes: Aedes,
  servers: readonly Server[],
  connections: ReadonlySet<BoundConnection>,
): Promise<void> {
  const closed = Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  for (const connection of connections) connection.destroy();
  await closed;
}
