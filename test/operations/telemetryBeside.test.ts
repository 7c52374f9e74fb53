import { expect, test } from 'vitest';
import { asViewer } from '../../src/db/viewer.ts';
import { importChannel } from '../../src/domain/channel.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { traceReading } from '../../src/operations/traceReading.ts';
import { BatchMaker, importBlock } from '../support/build/edge.ts';
import { noon, openOfficeGround, uuid } from './officeGround.ts';

test('a row held back of telemetry hides none of billing with the same numbers', async () => {
  const here = await openOfficeGround('telemetry_beside');
  try {
    const [meterId] = here.meterIds;
    const [billing] = here.makers;
    const owned = {
      edgeId: here.fleet.edges.get('edge 1')?.edgeId ?? 0,
      stream: 'telemetry',
    } as const;
    const telemetry = new BatchMaker(billing.edge, owned);
    const block = importBlock([{ meterId, atMs: noon, wh: 1_000 }]);
    // Both are row 0 of sequence 1 of epoch 1; 255 is no unit of energy (DLMS Blue Book, 4.3.2).
    await here.commit([billing.sign([block]), telemetry.sign([{ ...block, unit: 255 }])]);
    await here.rateAll();
    const name = { meterId, channel: importChannel, atMs: noon };
    const [traced] = await asViewer(here.api.sql, here.viewer('operator'), (tx) =>
      traceReading(tx, name),
    );
    expect(traced).toMatchObject({ isInSeries: true, exceptions: [] });
    const edited = await editReading(here.deps, here.viewer('administrator'), {
      ...name,
      idempotencyKey: uuid(1),
      value: 1_001n,
      supersedes: 0,
      reason: 'photo',
    });
    expect(edited).toMatchObject({ ok: true, value: { revision: 1 } });
  } finally {
    await here.close();
  }
});
