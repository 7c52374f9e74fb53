import { asViewer } from '../../db/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { qualityVoid } from '../../domain/series/quality.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { traceReading } from '../../operations/traceReading.ts';
import type { TracedVersion } from '../../operations/traceReading.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { findMeter, instantOf } from '../meterAt.ts';
import { staffViewer } from '../viewer.ts';
import { wholeNumber } from '../wholeNumber.ts';

export type TraceOptions = {
  readonly company: string;
  readonly meter: string;
  readonly at: string;
  readonly channel: string;
  readonly database: string | undefined;
};

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function factsOf(version: TracedVersion) {
  const { row, edge, signature, office } = version;
  const { opened, block, index } = row;
  const { epoch, sequence, stream } = opened.batch;
  return {
    value: block.value[index].toString(),
    unit: block.unit,
    scaler: block.scaler,
    quality: row.quality,
    isVoid: row.quality === qualityVoid,
    revision: row.revision,
    isWinner: version.isWinner,
    isInSeries: version.isInSeries,
    isCounted: version.isCounted,
    exceptions: version.exceptions.map(({ code, message }) => ({ code, message })),
    batch: { edge: edge.name, kind: edge.kind, stream, epoch, sequence, row: row.row },
    receivedAt: instantText(opened.stored.receivedAtMs),
    position: `${opened.stored.shard}/${opened.stored.position}`,
    hash: hexOf(opened.hash),
    signature,
    frame: version.frame === null ? null : hexOf(version.frame),
    office:
      office === null ? null : { kind: office.kind, author: office.author, reason: office.reason },
    carried: Buffer.from(opened.stored.carried).toString('base64'),
  };
}

function stateOf({ isWinner, isInSeries, isCounted }: TracedVersion): string {
  if (!isWinner) return 'lost';
  if (isCounted) return 'counts';
  return isInSeries ? 'wins, and counts nowhere' : 'wins';
}

function lineOf(version: TracedVersion): string {
  const facts = factsOf(version);
  // Its number says nothing: the reading was taken back.
  const value = facts.isVoid ? 'void' : facts.value;
  const { edge, epoch, sequence, row } = facts.batch;
  const signed = facts.signature.isValid ? 'signature holds' : 'SIGNATURE DOES NOT HOLD';
  const why = facts.exceptions.map(({ code }) => ` ${code}`).join('');
  const by = facts.office === null ? '' : `, ${facts.office.author}: ${facts.office.reason}`;
  return (
    `${value} (revision ${facts.revision}) ${stateOf(version)}${why}: ${edge}, epoch ${epoch}, ` +
    `sequence ${sequence}, row ${row}, received ${facts.receivedAt}, ${signed} ` +
    `(key ${facts.signature.keyState})${by}`
  );
}

/** Where a reading came from: every version of the instant, the one that counts first. */
export async function traceOneReading(options: TraceOptions): Promise<Answer> {
  const atMs = instantOf(options.at);
  const channel = wholeNumber(options.channel, '--channel');
  const found = await findMeter(options.meter, options);
  if (!found.ok) return found;
  const { url, companyId, meterId } = found.value;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const versions = await asViewer(sql, staffViewer(companyId, 'operator'), (tx) =>
      traceReading(tx, { meterId, channel, atMs }),
    );
    if (versions.length === 0) {
      const message = `The log has no reading of ${options.meter} at ${options.at}.`;
      return refuse('READING_NOT_FOUND', message);
    }
    const facts = { meter: options.meter, channel, versions: versions.map(factsOf) };
    return accept({ sentence: versions.map(lineOf).join('\n'), facts });
  });
}
