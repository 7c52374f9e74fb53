import type { SequencedBlock } from '../db/events.ts';
import { formatMicros } from '../domain/exact.ts';
import { demoTimeScale } from './demoFleet.ts';

/** What the terminal shows of a few accounts, from the same events that clients get. */
export type ScreenRow = {
  readonly accountId: number;
  readonly meterId: number;
  readonly account: string;
  readonly serial: string;
  readonly mode: string;
  supply: 'on' | 'cut' | null;
  registerWh: bigint | null;
  powerW: number | null;
  /** Since this start. */
  costMicros: bigint;
  balanceMicros: bigint | null;
};

export type Screen = {
  /** Takes news of any account; keeps those that it shows. */
  take(block: SequencedBlock): void;
  /** Draws the table of the accounts, over the last one when the output is a terminal. */
  draw(): void;
};

export type ScreenOutput = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** A file would fill with tables: there every fifth is written. */
const drawsPerTableInFile = 5;
const columnsDefault = 80;
const unknown = '-';

function kilowattHours(registerWh: bigint | null): string {
  if (registerWh === null) return unknown;
  const wh = registerWh.toString().padStart(4, '0');
  return `${wh.slice(0, -3)}.${wh.slice(-3)}`;
}

/** To the ledger's scale, so that a balance is seen to move with each reading. */
function euros(micros: bigint | null): string {
  return micros === null ? unknown : formatMicros(micros, 6);
}

/** 79 columns: narrower than any usual terminal, whose wrapping would spoil the redraw. */
function lineOf(cells: readonly [string, string, string, string, string, string, string, string]) {
  const [account, mode, serial, supply, register, power, cost, balance] = cells;
  return [
    account.padEnd(8),
    mode.padEnd(10),
    serial.padEnd(10),
    supply.padEnd(7),
    register.padStart(11),
    power.padStart(9),
    cost.padStart(11),
    balance.padStart(13),
  ].join('');
}

const heading = [
  lineOf(['', '', '', '', 'register', 'power', 'cost', 'balance']),
  lineOf(['account', 'mode', 'meter', 'supply', 'kWh', 'W', 'EUR', 'EUR']),
];

function takeSubject(row: ScreenRow, block: SequencedBlock, index: number): void {
  switch (block.kind) {
    case 'rated':
      row.registerWh = block.registerWh[index];
      row.powerW = block.powerW[index];
      row.costMicros += block.chargedMicros[index];
      row.balanceMicros = block.balanceMicros[index];
      return;
    case 'top_up':
    case 'payment':
    case 'adjustment':
      row.balanceMicros = block.balanceMicros[index];
      return;
    case 'command':
      row.supply = supplyAfter(block.detail) ?? row.supply;
      return;
    case 'supply':
    case 'notice':
    case 'tariff':
    case 'simulation':
    case 'decision':
  }
}

function supplyAfter(detail: SequencedBlock['detail']): ScreenRow['supply'] {
  if (typeof detail !== 'object' || detail === null || !('state' in detail)) return null;
  if (detail['state'] !== 'verified') return null;
  return detail['kind'] === 'disconnect' ? 'cut' : 'on';
}

/** The newest stay on the screen. */
const noticesShownMax = 3;

function noticeText(detail: SequencedBlock['detail']): string | null {
  if (typeof detail !== 'object' || detail === null || !('what' in detail)) return null;
  const { what, balance, daysLeft } = detail;
  if (typeof what !== 'string') return null;
  const words = [what.replaceAll('_', ' ')];
  if (typeof balance === 'string') words.push(`balance ${balance}`);
  if (typeof daysLeft === 'string') words.push(`${daysLeft} days left`);
  return words.join(', ');
}

export function createScreen(output: ScreenOutput, rows: readonly ScreenRow[]): Screen {
  const rowOf = new Map(rows.map((row) => [row.accountId, row]));
  let draws = 0;
  let linesDrawn = 0;
  let readings = 0;
  const told: string[] = [];
  const bodyOf = (row: ScreenRow): string =>
    lineOf([
      row.account,
      row.mode,
      row.serial,
      row.supply ?? unknown,
      kilowattHours(row.registerWh),
      row.powerW === null ? unknown : String(row.powerW),
      euros(row.costMicros),
      euros(row.balanceMicros),
    ]);
  const foot = (): string =>
    `${readings} readings rated. Energy runs ${demoTimeScale} times faster than the clock. ` +
    'Ctrl-C ends.';
  return {
    take(block) {
      for (let index = 0; index < block.accountIds.length; index += 1) {
        const row = rowOf.get(block.accountIds[index]);
        if (row === undefined) continue;
        takeSubject(row, block, index);
        const text = block.kind === 'notice' ? noticeText(block.detail) : null;
        if (text !== null) told.push(`told ${row.account}: ${text}`);
      }
      if (block.kind === 'rated') readings += block.accountIds.length;
    },
    draw() {
      const isTerminal = output.isTTY === true;
      draws += 1;
      if (!isTerminal && draws % drawsPerTableInFile !== 1) return;
      const widthMax = (output.columns ?? columnsDefault) - 1;
      const notices = told.slice(-noticesShownMax);
      const lines = [...heading, ...rows.map(bodyOf), ...notices, foot()];
      if (!isTerminal) {
        for (const line of lines) output.write(`${line.trimEnd()}\n`);
        return;
      }
      const up = linesDrawn > 0 ? `\u001B[${linesDrawn}A` : '';
      // One write, so that no half of a table is ever seen.
      output.write(up + lines.map((line) => `\u001B[2K${line.slice(0, widthMax)}\n`).join(''));
      linesDrawn = lines.length;
    },
  };
}
