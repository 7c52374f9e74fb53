import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';

const install =
  'apt-get install -y python3-pymodbus python3-serial-asyncio mbpoll socat (Debian packages)';

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    // A program that runs and complains about its arguments is there.
    return error instanceof Error && 'status' in error && typeof error.status === 'number';
  }
}

/** A missing peer fails the suite with the one command that installs it; it is never skipped. */
export function requireProgram(name: 'mbpoll' | 'socat'): string {
  if (!runs(name, ['-h'])) throw new Error(`${name} is missing. Install it: ${install}`);
  return name;
}

/** Debian's own Python comes first: another one in PATH does not see Debian's packages. */
export function requirePymodbus(): string {
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      execFileSync(python, ['-c', 'import pymodbus, serial_asyncio'], { stdio: 'ignore' });
      return python;
    } catch {
      // not this one
    }
  }
  throw new Error(`pymodbus is missing. Install it: ${install}`);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export type Peer = { readonly process: ChildProcess; stop(): Promise<void> };

export function startPeer(command: string, args: readonly string[]): Peer {
  const child = spawn(command, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    process: child,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/**
 * pymodbus serving an SDM630-like unit 1 and a contactor unit 101. The floats are laid into the
 * registers by Python's struct module: 50 Hz, 1234.5 W, 98765.432 kWh import, 12.25 kWh export.
 */
export const pymodbusServer = `
import struct, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusSlaveContext, ModbusServerContext
from pymodbus.server import StartTcpServer, StartSerialServer
from pymodbus.transaction import ModbusRtuFramer
registers = [0] * 0x160
def put(address, value):
    registers[address:address + 2] = struct.unpack('>HH', struct.pack('>f', value))
put(0x00, 231.5)
put(0x34, 1234.5)
put(0x46, 50.0)
put(0x48, 98765.432)
put(0x4A, 12.25)
def unit():
    return ModbusSlaveContext(ir=ModbusSequentialDataBlock(0, registers),
        hr=ModbusSequentialDataBlock(0, [0] * 16), co=ModbusSequentialDataBlock(0, [True] * 16),
        di=ModbusSequentialDataBlock(0, [False] * 16), zero_mode=True)
context = ModbusServerContext(slaves={1: unit(), 101: unit()}, single=False)
if sys.argv[1] == 'tcp':
    StartTcpServer(context=context, address=('127.0.0.1', int(sys.argv[2])))
else:
    StartSerialServer(context=context, framer=ModbusRtuFramer, port=sys.argv[2],
        baudrate=19200, timeout=0.02)
`;
