import { generateKeyPairSync } from 'node:crypto';
import { openEnvelope, signBatch } from '../../../src/wire/batch.ts';
import type { Batch } from '../../../src/wire/batch.ts';
import { encodeBatch } from '../../../src/wire/encodeBatch.ts';
import { decodeEnvelope } from '../../../src/wire/openBatch.ts';
import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

const key = { privateKey: generateKeyPairSync('ed25519').privateKey, keyId: new Uint8Array(16) };

function changed(carried: Uint8Array, change: (batch: Batch) => Batch): Uint8Array {
  const envelope = openEnvelope(carried);
  const decoded = envelope.ok ? decodeEnvelope(envelope.value) : envelope;
  if (!decoded.ok) throw new Error(decoded.message);
  return signBatch(encodeBatch(change(decoded.value.batch)), key);
}

/** A rater that sees the batches of the log otherwise than they are. */
function ratesChanged(change: (batch: Batch) => Batch): Operations['rateReadings'] {
  return (deps, scope) => {
    const sql = divertedSql(deps.sql, (statement) => {
      const answer = statement.run();
      if (!statement.text.includes('readings_before')) return answer;
      return (async () => {
        const rows: unknown = await answer;
        if (!Array.isArray(rows)) throw new Error('the log is read as rows');
        return rows.map((row) => ({ ...row, carried: changed(row.carried, change) }));
      })();
    });
    return productionOperations.rateReadings({ ...deps, sql }, scope);
  };
}

/** What an office edited or voided moves nothing. */
export const skipsEdits: Operations = {
  ...productionOperations,
  rateReadings: ratesChanged((batch) => {
    const blocks = batch.blocks.filter(
      ({ revision }) => revision?.some((each) => each > 0) !== true,
    );
    return { ...batch, blocks };
  }),
};

const unknownFrom = 90_000;
const driftMsMax = 900_000;

/** One row that is refused takes the good ones beside it along. */
export const hidesGoodRows: Operations = {
  ...productionOperations,
  rateReadings: ratesChanged((batch) => {
    const blocks = batch.blocks.filter(
      ({ meterId, clockOffsetMs }) =>
        meterId.every((id) => id < unknownFrom) &&
        clockOffsetMs?.some((offMs) => Math.abs(offMs) > driftMsMax) !== true,
    );
    return { ...batch, blocks };
  }),
};

/** Of two readings of one instant the later word counts, whatever their qualities. */
export const ranksByArrival: Operations = {
  ...productionOperations,
  rateReadings: ratesChanged((batch) => {
    const blocks = batch.blocks.map((block) => ({
      ...block,
      quality: block.quality.map((each) => (each > 2 ? each : 0)),
    }));
    return { ...batch, blocks };
  }),
};
