import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importChannel } from '../../src/domain/channel.ts';
import { qualityCalculated } from '../../src/domain/series/quality.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { readIntervals, readReadings } from '../../src/operations/readSeries.ts';
import { noon, openOfficeGround, quarter, uuid } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

describe('the readings and intervals of a window', () => {
  let here: OfficeGround;
  beforeAll(async () => {
    here = await openOfficeGround('read_series');
  });
  afterAll(() => here.close());

  test('leave out what an edit has voided, and close the slots around it', async () => {
    const [meterId] = here.meterIds;
    const readings = [1_000, 1_900, 1_400].map((wh, n) => ({
      meterId,
      atMs: noon + n * quarter,
      wh,
    }));
    await here.commit([here.makers[0].readings(readings)]);
    await here.rateAll();
    const voided = await editReading(here.deps, here.viewer('operator'), {
      idempotencyKey: uuid(1),
      meterId,
      channel: importChannel,
      atMs: noon + quarter,
      value: null,
      supersedes: 0,
      reason: 'misread',
    });
    expect(voided).toMatchObject({ ok: true });
    await here.rateAll();
    const window = { fromMs: noon, toMs: noon + 3 * quarter };
    const kept = await readReadings(here.writer.sql, { id: meterId }, window);
    expect(kept).toMatchObject({
      ok: true,
      value: [
        { atMs: noon, registerWh: 1_000n },
        { atMs: noon + 2 * quarter, registerWh: 1_400n },
      ],
    });
    const meter = { id: meterId, powerMaxW: 10_000, registerModulusWh: null };
    const asked = { fromMs: noon, toMs: noon + 2 * quarter, nowMs: noon + 4 * quarter };
    const read = await readIntervals(here.writer.sql, meter, asked);
    // 1,000 to 1,400 over two slots; 1,900 in between was more than what came after.
    expect(read).toMatchObject({
      ok: true,
      value: {
        received: 2,
        intervals: [
          { energyWh: 200n, quality: qualityCalculated },
          { energyWh: 200n, quality: qualityCalculated },
        ],
      },
    });
  });
});
