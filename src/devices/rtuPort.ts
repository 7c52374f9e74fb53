import { EventEmitter } from 'node:events';
import type { SerialPort } from 'serialport';
import { modbusRtuFrameBytesMax } from './limits.ts';
import { crc16 } from './crc16.ts';
import type { PortCounters } from './tcpPort.ts';

const exceptionFrameBytes = 5;

/**
 * The port that modbus-serial writes to and listens on, over an open serial line. Bytes count as an
 * answer only while one is awaited and only as a frame of the expected unit, function, length and
 * CRC; noise in front of it is skipped. It extends EventEmitter because modbus-serial listens on
 * its port.
 */
export class RtuPort extends EventEmitter {
  readonly counters: PortCounters = { staleFrames: 0, bytesReceived: 0 };
  readonly #serial: SerialPort;
  #received: Buffer = Buffer.alloc(0);
  #expected: { unitId: number; functionCode: number; frameBytes: number } | null = null;

  constructor(serial: SerialPort) {
    super();
    this.#serial = serial;
    serial.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  get isOpen(): boolean {
    return this.#serial.isOpen;
  }

  open(opened: (error: Error | null) => void): void {
    opened(null);
  }

  close(closed?: () => void): void {
    if (this.#serial.isOpen) this.#serial.close(() => closed?.());
    else closed?.();
  }

  /** From here on nothing that arrives is an answer to an earlier request. */
  forget(): void {
    this.#expected = null;
    this.#received = Buffer.alloc(0);
  }

  write(frame: Buffer): void {
    this.#received = Buffer.alloc(0);
    this.counters.bytesReceived = 0;
    const unitId = frame[0] ?? 0;
    const functionCode = frame[1] ?? 0;
    this.#expected = { unitId, functionCode, frameBytes: answerBytes(functionCode, frame) };
    this.#serial.write(frame);
  }

  #receive(chunk: Buffer): void {
    this.counters.bytesReceived += chunk.length;
    if (this.#expected === null) {
      this.counters.staleFrames += 1;
      return;
    }
    const joined = Buffer.concat([this.#received, chunk]);
    this.#received = joined.subarray(Math.max(0, joined.length - modbusRtuFrameBytesMax));
    const frame = findAnswer(this.#received, this.#expected);
    if (frame === null) return;
    this.forget();
    this.emit('data', frame);
  }
}

/** Unit, function, byte count, data, CRC; a coil write is answered by its own eight bytes. */
function answerBytes(functionCode: number, request: Buffer): number {
  const quantity = request.readUInt16BE(4);
  if (functionCode === 1 || functionCode === 2) return 5 + Math.ceil(quantity / 8);
  if (functionCode === 3 || functionCode === 4) return 5 + 2 * quantity;
  return 8;
}

function findAnswer(
  received: Buffer,
  expected: { unitId: number; functionCode: number; frameBytes: number },
): Buffer | null {
  for (let start = 0; start + exceptionFrameBytes <= received.length; start += 1) {
    if (received[start] !== expected.unitId) continue;
    const functionCode = received[start + 1];
    if (functionCode === expected.functionCode) {
      const frame = received.subarray(start, start + expected.frameBytes);
      if (frame.length === expected.frameBytes && isIntact(frame)) return frame;
    }
    if (functionCode === (expected.functionCode | 0x80)) {
      const frame = received.subarray(start, start + exceptionFrameBytes);
      if (isIntact(frame)) return frame;
    }
  }
  return null;
}

function isIntact(frame: Buffer): boolean {
  return crc16(frame.subarray(0, -2)) === frame.readUInt16LE(frame.length - 2);
}
