import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { Aedes } from 'aedes';
import type { AuthenticateError, Client } from 'aedes';
import { assert } from '../domain/assert.ts';
import { brokerBacklogBytesMax, brokerClientsMax } from '../domain/limits.ts';
import { brokerPacketBytesMax, brokerStallMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { boundConnection } from './boundedConnection.ts';

/** What a start publishes, and all that anybody may listen to. */
export const updatesTopic = 'energy/billing/updates';
/** The port that IANA gave to MQTT, where clients look without being told. */
const portPreferred = 1_883;
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
};

export type Broker = {
  /** For anybody on this machine: may subscribe to the updates and publish nothing. */
  readonly url: string;
  /** With the credentials of this start; for the process that publishes the updates. */
  readonly publisherUrl: string;
  readonly port: number;
  load: () => { clients: number; updatesMissed: number; backlogBytes: number };
  /** Idempotent. */
  stop: () => Promise<void>;
};

export async function startBroker(options: BrokerOptions): Promise<Outcome<Broker, 'PORT_TAKEN'>> {
  const token = randomBytes(24).toString('base64url');
  const load = { updatesMissed: 0 };
  const aedes = makeBroker({ options, token, load });
  const connections = new Set<ReturnType<typeof boundConnection>>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = boundConnection(socket, {
      packetBytesMax: brokerPacketBytesMax,
      backlogBytesMax: brokerBacklogBytesMax,
      stallMs: options.stallMs ?? brokerStallMsMax,
    });
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    aedes.handle(connection);
  });
  // Twice: those beyond the limit are told so in a CONNACK, and many more are not even heard.
  server.maxConnections = 2 * brokerClientsMax;
  let port = await listen(server, options.port ?? portPreferred);
  if (port === undefined && options.port === undefined) port = await listen(server, 0);
  if (port === undefined) {
    return refuse(
      'PORT_TAKEN',
      `Port ${options.port} on 127.0.0.1, for the MQTT broker, is taken by another program; ` +
        'stop it, or choose another port.',
    );
  }
  await aedes.listen();
  let stopping: Promise<void> | undefined;
  return accept({
    url: `mqtt://127.0.0.1:${port}`,
    publisherUrl: `mqtt://${publisherName}:${token}@127.0.0.1:${port}`,
    port,
    load() {
      let backlogBytes = 0;
      for (const connection of connections) backlogBytes += connection.writableLength;
      return { clients: aedes.connectedClients, updatesMissed: load.updatesMissed, backlogBytes };
    },
    stop() {
      stopping ??= stopBroker(aedes, server, connections);
      return stopping;
    },
  });
}

function makeBroker(given: {
  options: BrokerOptions;
  token: string;
  load: { updatesMissed: number };
}): Aedes {
  const { options, token, load } = given;
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
      const mayPublish = client === null || (isPublisher(client) && isUpdate(packet.topic));
      done(mayPublish ? null : new Error(`PUBLISH_REFUSED: nobody publishes to ${packet.topic}`));
    },
    // Exactly two filters: any number of longer ones would grow the broker's table without bound.
    authorizeSubscribe(_client, subscription, done) {
      const { topic } = subscription;
      const mayRead = topic === updatesTopic || topic === `${updatesTopic}/#`;
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
  server: Server,
  connections: ReadonlySet<ReturnType<typeof boundConnection>>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  for (const connection of connections) connection.destroy();
  await closed;
}
