import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import {
  findTariff,
  holdPrices,
  insertTariffDuties,
  insertTariffVersion,
  readClosedBills,
} from '../db/tariffVersions.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseTariffVersionId } from '../domain/ids.ts';
import type { TariffId, TariffVersionId } from '../domain/ids.ts';
import { instantMsMax } from '../domain/limits.ts';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { runExamples } from '../domain/rating/examples.ts';
import type { ExampleCode } from '../domain/rating/examples.ts';
import { isOnSlotGrid } from '../domain/rating/slot.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffDocument, TariffRefusal } from '../domain/tariff/document.ts';
import { wallClockMsOf } from '../domain/tariff/localTime.ts';
import { refusePrepaid } from '../domain/tariff/prepaid.ts';
import { dayMs } from '../domain/time/civil.ts';
import { billingPeriodAt, instantAtWallMs } from '../domain/time/zone.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';

export type PublishTariffInput = {
  readonly idempotencyKey: string;
  readonly tariffId: TariffId;
  /**
   * The version prices energy from here on, until the next version. Null: the document's own
   * `validFrom`, in its own zone.
   */
  readonly validFromMs: number | null;
  /** JSON as it came: kept as written, priced as parsed. */
  readonly document: unknown;
  /** Why closed bills may be rated again by it; null: they may not. */
  readonly backdatedReason: string | null;
};

export type PublishTariffCode =
  | KeyCode
  | TariffRefusal
  | 'NOT_PERMITTED'
  | 'TARIFF_NOT_FOUND'
  | 'TARIFF_VERSION_EXISTS'
  | ExampleCode
  | 'PREPAID_UNSUPPORTED'
  | 'REASON_MISSING'
  | 'VALIDITY_MISSING'
  | 'VALIDITY_MISMATCH'
  | 'VALIDITY_END_UNSUPPORTED'
  | 'VERSION_BACKDATED'
  | 'VALIDITY_OFF_GRID'
  | 'VALIDITY_OUT_OF_RANGE'
  | 'CURRENCY_MISMATCH';

export type PublishedTariff = {
  readonly tariffVersionId: TariffVersionId;
  readonly tariffId: TariffId;
  readonly validFromMs: number;
  /** Meters whose past is rated again. */
  readonly metersToRate: number;
  readonly isReplay: boolean;
};

/** A bill that ends after an instant begins less than a month before it. */
const closedLookMs = 32 * dayMs;

type Publication = { readonly input: PublishTariffInput; readonly nowMs: number };
type Refusal = Refused<PublishTariffCode>;

const validFromPath = ['validFrom'];

/** When the version begins: the instant that was given, the document's own, or both. */
function validityOf(
  { validFromMs }: PublishTariffInput,
  { zone, validFrom, validTo }: TariffDocument,
): Outcome<number, PublishTariffCode> {
  if (validTo !== null) {
    const message = 'A published version is valid until the next one begins. Leave validTo out.';
    return refuse('VALIDITY_END_UNSUPPORTED', message, ['document', 'validTo']);
  }
  const wallMs = validFrom === null ? null : wallClockMsOf(validFrom);
  const ownMs = wallMs === null || zone === null ? null : instantAtWallMs(zone, wallMs);
  if (validFromMs === null && ownMs === null) {
    const message =
      validFrom === null
        ? 'Say from when on the version is valid.'
        : 'The document says a local validFrom and no zone. Say the instant beside it.';
    return refuse('VALIDITY_MISSING', message, validFromPath);
  }
  if (validFromMs !== null && ownMs !== null && validFromMs !== ownMs) {
    const own = new Date(ownMs).toISOString();
    const message = `The document says ${own}. Say the same instant, or leave one of them out.`;
    return refuse('VALIDITY_MISMATCH', message, validFromPath);
  }
  const fromMs = validFromMs ?? ownMs ?? Number.NaN;
  if (!(fromMs >= 0 && fromMs <= instantMsMax)) {
    const message = 'The version begins between 1970 and 2200; correct the instant.';
    return refuse('VALIDITY_OUT_OF_RANGE', message, validFromPath);
  }
  if (isOnSlotGrid(fromMs)) return accept(fromMs);
  const message = 'A version begins on a quarter hour, such as 00:15; correct the instant.';
  return refuse('VALIDITY_OFF_GRID', message, validFromPath);
}

/** The document read, and its own golden examples billed by both engines. */
function checkDocument(
  raw: unknown,
  tariff: { readonly currency: string; readonly isPrepaid: boolean },
): Outcome<TariffDocument, PublishTariffCode> {
  const at = (path: readonly string[] = []) => ['document', ...path];
  const parsed = parseTariffDocument(raw);
  if (!parsed.ok) return { ...parsed, path: at(parsed.path) };
  const document = parsed.value;
  if (document.currency !== tariff.currency) {
    return refuse(
      'CURRENCY_MISMATCH',
      `The document is in ${document.currency}, the tariff in ${tariff.currency}. Write the ` +
        `prices in ${tariff.currency}, or publish under another tariff; nothing was published.`,
      ['document', 'currency'],
    );
  }
  const unsupported = tariff.isPrepaid ? refusePrepaid(document) : null;
  if (unsupported !== null) return { ...unsupported, path: at(unsupported.path) };
  for (const { outcome } of runExamples(document, raw)) {
    if (!outcome.ok) return { ...outcome, path: at(outcome.path) };
  }
  return accept(document);
}

/** A version that reaches behind a closed bill is published on purpose or not at all. */
async function checkBackdated(
  tx: Transaction,
  { companyId, tariffId }: { readonly companyId: number; readonly tariffId: number },
  { fromMs, reason }: { readonly fromMs: number; readonly reason: string | null },
): Promise<Refusal | null> {
  if (reason !== null) {
    return reason.trim() !== ''
      ? null
      : refuse('REASON_MISSING', 'Say why closed bills are rated again; the audit needs it.', [
          'backdatedReason',
        ]);
  }
  const closed = await readClosedBills(tx, { companyId, tariffId, fromMs: fromMs - closedLookMs });
  const endMs = closed.reduce((latest, { periodStartMs, zone, cutMs }) => {
    const { endMs: monthEndMs } = billingPeriodAt(zone, periodStartMs);
    return Math.max(latest, Math.min(monthEndMs, cutMs ?? Infinity));
  }, 0);
  if (endMs <= fromMs) return null;
  return refuse(
    'VERSION_BACKDATED',
    `Bills are closed up to ${new Date(endMs).toISOString()}, and this version begins before. ` +
      'Publish it from then on, or say with backdatedReason why closed bills are rated again.',
    validFromPath,
  );
}

async function publish(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: Publication,
): Promise<Outcome<KeyedAnswer, PublishTariffCode>> {
  const { companyId } = viewer;
  const { tariffId, document, backdatedReason } = input;
  const tariff = await findTariff(tx, { companyId, tariffId });
  if (tariff === null) {
    const message = 'There is no such tariff. Check its id; nothing was published.';
    return refuse('TARIFF_NOT_FOUND', message, ['tariffId']);
  }
  const checked = checkDocument(document, tariff);
  if (!checked.ok) return checked;
  const validity = validityOf(input, checked.value);
  if (!validity.ok) return validity;
  const validFromMs = validity.value;
  // A rating commit underway could close a bill meanwhile.
  await holdPrices(tx);
  const of = { companyId, tariffId };
  const backdated = await checkBackdated(tx, of, { fromMs: validFromMs, reason: backdatedReason });
  if (backdated !== null) return backdated;
  const versionId = await insertTariffVersion(tx, {
    companyId,
    tariffId,
    validFromMs,
    document,
    publishedAtMs: nowMs,
    publishedBy: viewer.actor,
  });
  const validFrom = new Date(validFromMs).toISOString();
  if (versionId === null) {
    return refuse(
      'TARIFF_VERSION_EXISTS',
      `A version from ${validFrom} on is published, and published versions are not changed. ` +
        'Publish the correction from the next quarter hour on.',
      validFromPath,
    );
  }
  const metersToRate = await insertTariffDuties(tx, { companyId, tariffId, fromMs: validFromMs });
  await insertAudit(tx, {
    id: derivedId('audit', 'tariff', String(companyId), String(versionId)),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'tariff.publish',
    subject: `tariff/${tariffId}`,
    before: null,
    after: { tariffVersionId: versionId, validFrom, metersToRate, backdatedReason },
  });
  const detail = { tariffId, tariffVersionId: versionId, validFrom, metersToRate };
  const subjects = [companySubject];
  await appendEvent(tx, plainEvent({ companyId, kind: 'tariff', atMs: nowMs, subjects, detail }));
  return accept({
    tariffVersionId: String(versionId),
    validFrom: String(validFromMs),
    metersToRate: String(metersToRate),
  });
}

/** Publishes a further version of a tariff; what was rated at older prices is rated again. */
export async function publishTariff(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: PublishTariffInput,
): Promise<Outcome<PublishedTariff, PublishTariffCode>> {
  if (!isAllowed(viewer.role, 'Mutation.publishTariff')) {
    return refuse('NOT_PERMITTED', 'Your role may not publish a tariff. Ask an administrator.');
  }
  const nowMs = clock.nowMs();
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'publishTariff',
        input: [
          String(input.tariffId),
          String(input.validFromMs),
          JSON.stringify(input.document ?? null),
          input.backdatedReason ?? '',
        ],
        nowMs,
      },
      () => publish(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
    wake({ kind: 'rating' });
  }
  const versionId = parseTariffVersionId(Number(textOf(answer, 'tariffVersionId')));
  assert(versionId.ok, 'the answer holds the id of the version');
  return accept({
    tariffVersionId: versionId.value,
    tariffId: input.tariffId,
    validFromMs: Number(textOf(answer, 'validFrom')),
    metersToRate: Number(textOf(answer, 'metersToRate')),
    isReplay,
  });
}
