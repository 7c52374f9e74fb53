import { connect } from 'node:net';
import type { Socket } from 'node:net';
import modbusSerial from 'modbus-serial';
import { busConnectMsMax, processStallMs } from './limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { BusClock } from './busClock.ts';
import type { ReadFunctionCode } from './registerMap.ts';
import { RtuPort } from './rtuPort.ts';
import { TcpPort } from './tcpPort.ts';

export type BusAddress =
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'rtu'; path: string; baudRate: number; parity: 'none' | 'even' | 'odd' };

export type LinkFailure =
  | 'DEVICE_TIMEOUT'
  | 'DEVICE_CLOSED'
  | 'DEVICE_GARBAGE'
  | 'DEVICE_EXCEPTION'
  | 'GATEWAY_EXCEPTION';

type Slot = { readonly unitId: number; readonly timeoutMs: number };
type CoilAnswer = Outcome<boolean, LinkFailure>;

/** One connection. Every request is settled by its answer, its time-out or the connection's end. */
export type BusSession = {
  readRegisters(
    slot: Slot,
    block: { functionCode: ReadFunctionCode; address: number; count: number },
  ): Promise<Outcome<Uint16Array, LinkFailure>>;
  readCoil(slot: Slot, coil: number): Promise<CoilAnswer>;
  writeCoil(slot: Slot, coil: number, on: boolean): Promise<CoilAnswer>;
  writeRegister(slot: Slot, address: number, value: number): Promise<Outcome<number, LinkFailure>>;
  isOpen(): boolean;
  answers(): number;
  staleFrames(): number;
  forget(): void;
  close(): void;
};

type Port = TcpPort | RtuPort;
type Answered<T> = (error: Error | null, answer: T) => void;

export async function openSession(
  address: BusAddress,
  clock: BusClock,
  cancel: AbortSignal,
): Promise<Outcome<BusSession, 'BUS_UNREACHABLE'>> {
  if (address.kind === 'tcp') {
    const connected = await connectSocket(address, clock, cancel);
    if (!connected.ok) return connected;
    const socket = connected.value;
    return accept(
      createSession(new TcpPort(socket), clock, (lost) => {
        socket.on('error', () => undefined); // 'close' follows and is what counts
        socket.once('end', lost);
        socket.once('close', lost);
      }),
    );
  }
  return openSerial(address, clock);
}

function connectSocket(
  address: { host: string; port: number },
  clock: BusClock,
  cancel: AbortSignal,
): Promise<Outcome<Socket, 'BUS_UNREACHABLE'>> {
  return new Promise((resolve) => {
    const expiry = new AbortController();
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const cancelled = () => fail('the bus is being closed');
    const settled = () => {
      expiry.abort();
      cancel.removeEventListener('abort', cancelled);
    };
    const fail = (reason: string) => {
      settled();
      socket.destroy();
      const where = `${address.host}:${address.port}`;
      resolve(refuse('BUS_UNREACHABLE', `No connection to the bus at ${where}: ${reason}.`));
    };
    socket.on('error', (error) => fail(error.message));
    cancel.addEventListener('abort', cancelled);
    socket.once('connect', () => {
      settled();
      resolve(accept(socket));
    });
    clock.sleep(busConnectMsMax, expiry.signal).then(
      () => {
        if (socket.connecting) fail(`no answer within ${busConnectMsMax} ms`);
      },
      () => undefined,
    );
  });
}

async function openSerial(
  address: { path: string; baudRate: number; parity: 'none' | 'even' | 'odd' },
  clock: BusClock,
): Promise<Outcome<BusSession, 'BUS_UNREACHABLE'>> {
  // Loaded when first needed: its native binding is no business of sites without serial lines.
  const { SerialPort } = await import('serialport');
  const { path, baudRate, parity } = address;
  // Modbus over Serial Line 1.02, 2.5.1: eleven bits a character, so two stop bits without parity.
  const stopBits = parity === 'none' ? 2 : 1;
  const serial = new SerialPort({ path, baudRate, parity, stopBits, dataBits: 8, autoOpen: false });
  const problem = await new Promise<Error | null>((resolve) => serial.open(resolve));
  if (problem !== null) {
    return refuse('BUS_UNREACHABLE', `The serial port ${path} does not open: ${problem.message}.`);
  }
  return accept(
    createSession(new RtuPort(serial), clock, (lost) => {
      serial.on('error', lost);
      serial.once('close', lost);
    }),
  );
}

function createSession(
  port: Port,
  clock: BusClock,
  onLost: (lost: () => void) => void,
): BusSession {
  const client = new modbusSerial.default(port);
  client.on('error', () => undefined); // without a listener an 'error' event would throw
  client.open();
  let open = true;
  let answers = 0;
  /** Settles the request in flight from outside; there is at most one. */
  let interrupt: ((code: 'DEVICE_CLOSED' | 'DEVICE_GARBAGE') => void) | null = null;
  onLost(() => {
    open = false;
    interrupt?.('DEVICE_CLOSED');
  });
  port.on('garbage', () => interrupt?.('DEVICE_GARBAGE'));

  function exchange<T>(
    slot: Slot,
    send: (answered: Answered<T>) => void,
  ): Promise<Outcome<T, LinkFailure>> {
    return new Promise((resolve) => {
      const expiry = new AbortController();
      const settle = (outcome: Outcome<T, LinkFailure>) => {
        if (expiry.signal.aborted) return;
        expiry.abort();
        interrupt = null;
        port.forget();
        if (outcome.ok) answers += 1;
        resolve(outcome);
      };
      interrupt = (code) => settle(failure(code, slot));
      send((error, answer) => settle(error === null ? accept(answer) : classify(error, slot)));
      outlast(clock, slot.timeoutMs, expiry.signal).then(
        () => {
          const heardBytes = port.counters.bytesReceived > 0;
          settle(failure(heardBytes ? 'DEVICE_GARBAGE' : 'DEVICE_TIMEOUT', slot));
        },
        () => undefined,
      );
    });
  }

  return {
    async readRegisters(slot, { functionCode, address, count }) {
      const answer = await exchange<{ data: number[] }>(slot, (answered) =>
        functionCode === 3
          ? client.writeFC3(slot.unitId, address, count, answered)
          : client.writeFC4(slot.unitId, address, count, answered),
      );
      if (!answer.ok) return answer;
      if (answer.value.data.length !== count) return failure('DEVICE_GARBAGE', slot);
      return accept(Uint16Array.from(answer.value.data));
    },
    async readCoil(slot, coil) {
      const answer = await exchange<{ data: boolean[] }>(slot, (answered) =>
        client.writeFC1(slot.unitId, coil, 1, answered),
      );
      return answer.ok ? accept(answer.value.data[0] ?? false) : answer;
    },
    async writeCoil(slot, coil, on) {
      const answer = await exchange<{ address: number; state: boolean }>(slot, (answered) =>
        client.writeFC5(slot.unitId, coil, on, answered),
      );
      if (!answer.ok) return answer;
      // The answer repeats the request; anything else answers another one.
      if (answer.value.address !== coil || answer.value.state !== on) {
        return failure('DEVICE_GARBAGE', slot);
      }
      return accept(on);
    },
    async writeRegister(slot, address, value) {
      const answer = await exchange<{ address: number; value: number }>(slot, (answered) =>
        client.writeFC6(slot.unitId, address, value, answered),
      );
      if (!answer.ok) return answer;
      if (answer.value.address !== address || answer.value.value !== value) {
        return failure('DEVICE_GARBAGE', slot);
      }
      return accept(value);
    },
    isOpen: () => open && port.isOpen,
    answers: () => answers,
    staleFrames: () => port.counters.staleFrames,
    forget: () => port.forget(),
    close() {
      open = false;
      port.close();
      interrupt?.('DEVICE_CLOSED');
    },
  };
}

/**
 * A timer that fires late tells about this process, not about the device: its answer may lie unread
 * in the socket. Then the device gets its time once more.
 */
async function outlast(clock: BusClock, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const startMs = clock.nowMs();
  await clock.sleep(timeoutMs, signal);
  if (clock.nowMs() - startMs > timeoutMs + processStallMs) await clock.sleep(timeoutMs, signal);
}

function classify(error: Error, slot: Slot): Outcome<never, LinkFailure> {
  const exception = 'modbusCode' in error ? error.modbusCode : null;
  if (typeof exception === 'number') {
    const code = exception === 10 || exception === 11 ? 'GATEWAY_EXCEPTION' : 'DEVICE_EXCEPTION';
    return refuse(
      code,
      `Unit ${slot.unitId} refused the request with Modbus exception ${exception}. ` +
        `Check the meter model and the unit id.`,
    );
  }
  if (error.message === 'Port Not Open') return failure('DEVICE_CLOSED', slot);
  return failure('DEVICE_GARBAGE', slot);
}

const failureTexts: Record<'DEVICE_TIMEOUT' | 'DEVICE_CLOSED' | 'DEVICE_GARBAGE', string> = {
  DEVICE_TIMEOUT: 'did not answer in time. Check its power, wiring and unit id',
  DEVICE_CLOSED: 'had its connection closed before it answered. It is opened again by itself',
  DEVICE_GARBAGE: 'answered with something that is no answer to the request. Check the line',
};

function failure(
  code: keyof typeof failureTexts,
  slot: Slot,
): ReturnType<typeof refuse<keyof typeof failureTexts>> {
  return refuse(code, `Unit ${slot.unitId} ${failureTexts[code]}.`);
}
