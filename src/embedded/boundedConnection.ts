import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export type ConnectionBounds = {
  /** An MQTT packet from the client, header included. */
  packetBytesMax: number;
  /** What the client has not read yet; above it, nothing more is read from the client. */
  backlogBytesMax: number;
  /** So long may one write wait for the client to read; a write is at most the backlog. */
  stallMs: number;
};

export type BoundConnection = Duplex & {
  /** While it is held nothing more is read from the client. */
  hold(isHeld: boolean): void;
};

/**
 * The socket of an MQTT client with the bounds that the broker lacks. Aedes gathers a packet of up
 * to 256 MB before it asks whether the client may send it, and waits for the slowest subscriber
 * before it goes on with the others; here an oversized packet ends the connection at its header,
 * and a write never waits: who is behind misses updates (see the broker) and then is closed.
 */
export function boundConnection(socket: Socket, bounds: ConnectionBounds): BoundConnection {
  const meter = packetMeter();
  let stallTimer: NodeJS.Timeout | undefined;
  let isHeld = false;
  const isBehind = () => isHeld || connection.writableLength > bounds.backlogBytesMax;
  const closeStalled = () => {
    connection.destroy(new Error('SUBSCRIBER_TOO_SLOW: it does not read what it asked for'));
  };
  const send = (bytes: Buffer, done: (error?: Error | null) => void) => {
    stallTimer = setTimeout(closeStalled, bounds.stallMs);
    socket.write(bytes, (error) => {
      clearTimeout(stallTimer);
      done(error);
      if (!isBehind()) socket.resume();
    });
  };
  const connection = new Duplex({
    writableHighWaterMark: Number.MAX_SAFE_INTEGER,
    read() {
      if (!isBehind()) socket.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      send(chunk, done);
    },
    writev(chunks, done) {
      send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
    },
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      clearTimeout(stallTimer);
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    const { packetBytesMax } = bounds;
    const largestBytes = meter(chunk);
    if (largestBytes > packetBytesMax) {
      const bytes = `${largestBytes} bytes, at most ${packetBytesMax} are taken`;
      connection.destroy(new Error(`PACKET_TOO_LARGE: ${bytes}; send smaller batches`));
      return;
    }
    if (!connection.push(chunk) || isBehind()) socket.pause();
  });
  socket.on('end', () => connection.push(null));
  socket.on('error', (error) => connection.destroy(error));
  socket.on('close', () => connection.destroy());
  return Object.assign(connection, {
    hold(held: boolean) {
      isHeld = held;
      if (held) socket.pause();
      else if (!isBehind()) socket.resume();
    },
  });
}

/**
 * Says the size of the largest packet that begins or goes on in each chunk, from the fixed headers
 * alone: a type byte, then the remaining length, seven bits a byte, lowest first, at most four
 * bytes. Source: OASIS MQTT 3.1.1, 2.2.3.
 */
function packetMeter(): (chunk: Buffer) => number {
  let bodyLeftBytes = 0;
  let lengthBytes = -1; // -1: the next byte is a type
  let length = 0;
  return (chunk) => {
    let largestBytes = 0;
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeftBytes > 0) {
        const step = Math.min(bodyLeftBytes, chunk.length - at);
        bodyLeftBytes -= step;
        at += step;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      if (lengthBytes < 0) {
        lengthBytes = 0;
        length = 0;
        continue;
      }
      length += (byte & 0x7f) * 2 ** (7 * lengthBytes);
      lengthBytes += 1;
      largestBytes = Math.max(largestBytes, 1 + lengthBytes + length);
      if (byte < 0x80 || lengthBytes === 4) {
        bodyLeftBytes = length;
        lengthBytes = -1;
      }
    }
    return largestBytes;
  };
}
