import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus } from '../../src/devices/modbusBus.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterWorld } from '../../src/embedded/meterWorld.ts';
import { createCommandLink } from '../../src/ingest/commandLink.ts';
import type { CommandLink } from '../../src/operations/sendCommand.ts';
import { pushedClock } from '../devices/field.ts';
import type { PushedClock } from '../devices/field.ts';

export type CommandField = {
  readonly world: MeterWorld;
  readonly link: CommandLink;
  readonly clock: PushedClock;
  close(): Promise<void>;
};

/** Three simulated meters with contactors behind a real socket, and the link that switches them. */
export async function openCommandField(busId: number): Promise<CommandField> {
  const clock = pushedClock();
  const world = await startMeterWorld({
    meters: 3,
    metersPerBus: 10,
    seed: 1,
    clock,
    timeScale: 1,
    loadShape: 'driven',
    mapNames: ['int64Wh'],
  });
  const { host, port } = world.buses[0] ?? { host: '', port: 0 };
  const address = { kind: 'tcp', host, port } as const;
  const bus: Bus = openBus({ address, clock, gapMs: 0, responseMsMax: 80 });
  const busOf = (id: number) => (id === busId ? bus : undefined);
  return {
    world,
    clock,
    link: createCommandLink({ busOf, clock }),
    async close() {
      await bus.close();
      await world.close();
    },
  };
}
