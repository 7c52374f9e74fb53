import type { SequencedBlock } from '../db/events.ts';
import { formatMicros } from '../domain/exact.ts';
import type { DemoAccount } from './demoFleet.ts';

/** What the terminal shows of a few accounts, from the same events that clients get. */
type Row = {
  readonly account: string;
  readonly serial: string;
  readonly mode: string;
  registerWh: bigint;
  powerW: number;
  costMicros: bigint;
  balanceMicros: bigint | null;
};

export type Screen = {
  /** One line of progress while booting. */
  progress(line: string): void;
  /** Takes news of any account; keeps those that it shows. */
  take(block: SequencedBlock): void;
  /** Draws the table of the accounts, over the last one when the output is a terminal. */
  draw(): void;
};

const rowsShown = 6;

function kilowattHours(registerWh: bigint): string {
  const wh = registerWh.toString().padStart(4, '0');
  return `${wh.slice(0, -3)}.${wh.slice(-3)}`;
}

function balanceOf({ balanceMicros }: Row): string {
  return balanceMicros === null ? '-' : formatMicros(balanceMicros, 6);
}

export function createScreen(
  output: { write(text: string): unknown; readonly isTTY?: boolean },
  accounts: () => readonly (DemoAccount & { readonly accountId: number })[],
): Screen {
  const rows = new Map<number, Row>();
  let linesDrawn = 0;
  const rowOf = (accountId: number): Row | null => {
    const known = rows.get(accountId);
    if (known !== undefined) return known;
    const shown = accounts().slice(0, rowsShown);
    const account = shown.find((each) => each.accountId === accountId);
    if (account === undefined) return null;
    const row: Row = {
      account: account.number,
      serial: account.serial,
      mode: account.mode,
      registerWh: 0n,
      powerW: 0,
      costMicros: 0n,
      balanceMicros: null,
    };
    rows.set(accountId, row);
    return row;
  };
  const takeSubject = (block: SequencedBlock, index: number): void => {
    const row = rowOf(block.accountIds[index]);
    if (row === null) return;
    if (block.kind === 'rated') {
      row.registerWh = block.registerWh[index];
      row.powerW = block.powerW[index];
      row.costMicros += block.chargedMicros[index];
      row.balanceMicros = block.balanceMicros[index];
    } else if (block.kind === 'top_up') {
      row.balanceMicros = block.balanceMicros[index];
    }
  };
  const lineOf = (row: Row): string =>
    [
      row.account.padEnd(8),
      row.mode.padEnd(9),
      row.serial.padEnd(14),
      `${kilowattHours(row.registerWh)} kWh`.padStart(16),
      `${row.powerW} W`.padStart(9),
      `cost ${formatMicros(row.costMicros, 6)}`.padStart(16),
      `balance ${balanceOf(row)} EUR`.padStart(26),
    ].join('  ');
  return {
    progress: (line) => output.write(`${line}\n`),
    take: (block) => {
      for (let index = 0; index < block.accountIds.length; index += 1) takeSubject(block, index);
    },
    draw: () => {
      if (rows.size === 0) return;
      const lines = [...rows.values()].map(lineOf);
      if (output.isTTY === true && linesDrawn > 0) output.write(`\u001B[${linesDrawn}A`);
      for (const line of lines) {
        output.write(output.isTTY === true ? `\u001B[2K${line}\n` : `${line}\n`);
      }
      linesDrawn = lines.length;
    },
  };
}
