import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { assertNever } from '../domain/assert.ts';
import { modbusTcpFrameBytesMax } from '../devices/limits.ts';

const headerBytes = 7; // transaction, protocol, length, unit
const lengthEnd = 6;

export type MeterFault =
  | { readonly kind: 'silent' }
  | { readonly kind: 'late'; readonly delayMs: number }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'closes' }
  /** Every request is answered by the answer to the one before it, as bad gateways do. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'exception'; readonly code: number };

/** A unit on the simulated bus: PDU in, PDU out (function code and data, without the address). */
export type SimulatedUnit = {
  fault: MeterFault | null;
  /** The answer held back by the `stale` fault. */
  withheld: Buffer | null;
  answer(pdu: Buffer): Buffer;
};

export type SimulatedBus = { readonly port: number; close(): Promise<void> };

/** A Modbus TCP server (Modbus Messaging on TCP/IP 1.0b) with units behind it, on loopback only. */
export async function startSimulatedBus(options: {
  host: string;
  port: number;
  units: ReadonlyMap<number, SimulatedUnit>;
}): Promise<SimulatedBus> {
  const sockets = new Set<Socket>();
  const lateAnswers = new Set<NodeJS.Timeout>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // a client that vanishes is none of the meters' business
    socket.once('close', () => sockets.delete(socket));
    serveSocket(socket, options.units, lateAnswers);
  });
  const port = await listen(server, options);
  return {
    port,
    async close() {
      for (const timer of lateAnswers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

function serveSocket(
  socket: Socket,
  units: ReadonlyMap<number, SimulatedUnit>,
  lateAnswers: Set<NodeJS.Timeout>,
): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (received.length >= headerBytes) {
      const frameBytes = lengthEnd + received.readUInt16BE(4);
      const isModbus = received.readUInt16BE(2) === 0 && frameBytes > headerBytes;
      if (!isModbus || frameBytes > modbusTcpFrameBytesMax) {
        socket.destroy();
        return;
      }
      if (received.length < frameBytes) return;
      const frame = received.subarray(0, frameBytes);
      received = received.subarray(frameBytes);
      serveFrame(socket, frame, { units, lateAnswers });
    }
  });
}

function serveFrame(
  socket: Socket,
  frame: Buffer,
  { units, lateAnswers }: Pick<Served, 'units' | 'lateAnswers'>,
): void {
  const unit = units.get(frame[lengthEnd] ?? 0);
  const pdu = frame.subarray(headerBytes);
  const reply = (answer: Buffer) => {
    if (!socket.destroyed) socket.write(framed(frame, answer));
  };
  // Exception 11: the gateway's target did not respond.
  if (unit === undefined) reply(exceptionPdu(pdu, 11));
  else if (unit.fault === null) reply(unit.answer(pdu));
  else serveFault({ unit, fault: unit.fault, pdu, socket, lateAnswers, units, reply });
}

type Served = {
  readonly unit: SimulatedUnit;
  readonly fault: MeterFault;
  readonly pdu: Buffer;
  readonly socket: Socket;
  readonly lateAnswers: Set<NodeJS.Timeout>;
  readonly units: ReadonlyMap<number, SimulatedUnit>;
  reply(answer: Buffer): void;
};

function serveFault({ unit, fault, pdu, socket, lateAnswers, reply }: Served): void {
  switch (fault.kind) {
    case 'silent':
      return;
    case 'late': {
      const answer = unit.answer(pdu);
      const timer = setTimeout(() => {
        lateAnswers.delete(timer);
        reply(answer);
      }, fault.delayMs);
      lateAnswers.add(timer);
      return;
    }
    case 'garbage':
      socket.write(Buffer.from('deadbeefcafe00ff55aa13371337c0ffee', 'hex'));
      return;
    case 'closes':
      socket.destroy();
      return;
    case 'stale': {
      const { withheld } = unit;
      unit.withheld = unit.answer(pdu);
      if (withheld !== null) reply(withheld);
      return;
    }
    case 'exception':
      reply(exceptionPdu(pdu, fault.code));
      return;
    default:
      assertNever(fault);
  }
}

export function exceptionPdu(request: Buffer, code: number): Buffer {
  return Buffer.from([(request[0] ?? 0) | 0x80, code]);
}

function framed(request: Buffer, pdu: Buffer): Buffer {
  const answer = Buffer.alloc(headerBytes + pdu.length);
  request.copy(answer, 0, 0, headerBytes);
  answer.writeUInt16BE(pdu.length + 1, 4);
  pdu.copy(answer, headerBytes);
  return answer;
}
