import { findAccounts } from '../db/accountReads.ts';
import { eventHeads, readEvents } from '../db/events.ts';
import { findLiveRegisters, findSupplies } from '../db/meterReads.ts';
import { importChannel } from '../domain/channel.ts';
import type { Demo } from './demoWorld.ts';
import type { Parts } from './parts.ts';
import { createScreen } from './screen.ts';
import type { ScreenOutput, ScreenRow } from './screen.ts';

const rowsShown = 6;
const redrawMs = 1_000;
const blocksPerLook = 200;

/** How the first accounts stand now; events go on from here. */
async function readRows({ writer }: Parts, demo: Demo): Promise<readonly ScreenRow[]> {
  const shown = demo.accounts.slice(0, rowsShown);
  const meterIds = shown.map(({ meterId }) => meterId);
  const accounts = await findAccounts(
    writer.sql,
    shown.map(({ accountId }) => accountId),
  );
  const registers = await findLiveRegisters(writer.sql, { meterIds, channel: importChannel });
  const supplies = await findSupplies(writer.sql, meterIds);
  const isCut = new Set(
    supplies.filter(({ state }) => state === 'disconnected').map(({ meterId }) => meterId),
  );
  return shown.map(({ accountId, meterId, number, serial, mode }): ScreenRow => {
    const register = registers.find((each) => each.meterId === meterId);
    return {
      accountId,
      meterId,
      account: number,
      serial,
      mode,
      supply: isCut.has(meterId) ? 'cut' : 'on',
      registerWh: register?.registerWh ?? null,
      powerW: register?.powerW ?? null,
      costMicros: 0n,
      balanceMicros: accounts.find(({ id }) => id === accountId)?.balanceMicros ?? null,
    };
  });
}

/** Feeds the terminal from the event log, like that of every other client. */
export async function showLive(parts: Parts, demo: Demo, output: ScreenOutput): Promise<void> {
  const { writer, closing, log } = parts;
  const positions = [...(await eventHeads(writer.sql))];
  const screen = createScreen(output, await readRows(parts, demo));
  let isReading = false;
  const look = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    try {
      for (const [shard, after] of positions.entries()) {
        for (const block of await readEvents(writer.sql, { shard, after, limit: blocksPerLook })) {
          screen.take(block);
          positions[shard] = block.sequence;
        }
      }
      screen.draw();
    } catch (error) {
      log.warn({ err: error }, 'SCREEN_BEHIND');
    } finally {
      isReading = false;
    }
  };
  screen.draw();
  const timer = setInterval(() => {
    look().catch(() => {});
  }, redrawMs);
  closing.add('screen', () => clearInterval(timer));
}
