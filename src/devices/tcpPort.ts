import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { modbusTcpFrameBytesMax } from './limits.ts';
import { crc16 } from './crc16.ts';

const mbapLengthEnd = 6;
const crcBytes = 2;

export type PortCounters = { staleFrames: number; bytesReceived: number };

/**
 * The port that modbus-serial writes to and listens on, over a connected socket of our own. The
 * package's own TCP port says nothing when the peer resets, and waits for as many bytes as garbage
 * claims; here only a well-formed frame with the transaction number of the request in flight is an
 * answer. It extends EventEmitter because modbus-serial listens on its port.
 */
export class TcpPort extends EventEmitter {
  readonly counters: PortCounters = { staleFrames: 0, bytesReceived: 0 };
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #transaction = 0;
  #awaiting = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  open(opened: (error: Error | null) => void): void {
    opened(null);
  }

  close(closed?: () => void): void {
    this.#socket.destroy();
    closed?.();
  }

  /** From here on nothing that arrives is an answer to an earlier request. */
  forget(): void {
    this.#awaiting = false;
  }

  /** Takes an RTU frame, as modbus-serial builds it, and sends it with an MBAP header instead. */
  write(rtuFrame: Buffer): void {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#awaiting = true;
    this.counters.bytesReceived = 0;
    const body = rtuFrame.subarray(0, rtuFrame.length - crcBytes);
    const header = Buffer.alloc(mbapLengthEnd);
    header.writeUInt16BE(this.#transaction, 0);
    header.writeUInt16BE(body.length, 4);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #receive(chunk: Buffer): void {
    this.counters.bytesReceived += chunk.length;
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= mbapLengthEnd) {
      const protocol = this.#received.readUInt16BE(2);
      const length = this.#received.readUInt16BE(4);
      // Unit, function code and one byte are the least (an exception).
      if (protocol !== 0 || length < 3 || length + mbapLengthEnd > modbusTcpFrameBytesMax) {
        this.#received = Buffer.alloc(0);
        this.emit('garbage');
        return;
      }
      if (this.#received.length < mbapLengthEnd + length) return;
      const transaction = this.#received.readUInt16BE(0);
      const body = this.#received.subarray(mbapLengthEnd, mbapLengthEnd + length);
      this.#received = this.#received.subarray(mbapLengthEnd + length);
      this.#deliver(transaction, body);
    }
  }

  #deliver(transaction: number, body: Buffer): void {
    if (!this.#awaiting || transaction !== this.#transaction) {
      this.counters.staleFrames += 1;
      return;
    }
    this.#awaiting = false;
    const rtuFrame = Buffer.alloc(body.length + crcBytes);
    body.copy(rtuFrame);
    rtuFrame.writeUInt16LE(crc16(body), body.length);
    this.emit('data', rtuFrame);
  }
}
