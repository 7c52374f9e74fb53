import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MeterFault } from '../../src/embedded/meterWorldServer.ts';
import { importOf, openField } from './field.ts';

const responseMsMax = 15;

/** Around the time-out and around the end of the quarantine are the interesting delays. */
const anyFault: fc.Arbitrary<MeterFault | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant({ kind: 'silent' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'garbage' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'closes' } as const) },
  { weight: 3, arbitrary: fc.constant({ kind: 'stale' } as const) },
  {
    weight: 3,
    arbitrary: fc
      .integer({ min: 1, max: 4 * responseMsMax })
      .map((delayMs) => ({ kind: 'late', delayMs }) as const),
  },
);

test('under any run of faults an adopted value is the one the register holds now', async () => {
  const steps = fc.array(
    fc.record({ unitId: fc.constantFrom(1, 2), fault: anyFault, asksPower: fc.boolean() }),
    { minLength: 4, maxLength: 12 },
  );
  let adopted = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const field = await openField({ meters: 2 }, { responseMsMax });
      try {
        let turn = 0;
        for (const { unitId, fault, asksPower } of run) {
          turn += 1;
          // Another energy and another power at every step: an old answer is a wrong answer.
          const truth = { energyWh: BigInt(5_000_000 + turn * 1000), powerW: 100 + turn };
          field.world.setRegisterWh(0, unitId, truth.energyWh);
          field.world.setPowerW(0, unitId, truth.powerW);
          field.world.setFault(0, unitId, fault);
          const device = asksPower
            ? ({ unitId, mapName: 'int64Wh', channels: ['16.7.0'] } as const)
            : importOf(unitId);
          const read = await field.bus.read(device);
          field.clock.push(61_000); // past any breaker's rest
          if (!read.ok) continue;
          adopted += 1;
          const expected = asksPower ? BigInt(truth.powerW) : truth.energyWh;
          expect(read.value[0]?.valueInUnit).toBe(expected);
        }
      } finally {
        await field.close();
      }
    }),
    { numRuns: 25 },
  );
  expect(adopted).toBeGreaterThan(0); // a bus that adopts nothing would prove nothing
});
