import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { appendEvent, eventShardOf, plainEvent } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { findTariff, insertTariffDuties, insertTariffVersion } from '../db/tariffVersions.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseTariffVersionId } from '../domain/ids.ts';
import type { TariffId, TariffVersionId } from '../domain/ids.ts';
import { instantMsMax } from '../domain/limits.ts';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { isOnSlotGrid } from '../domain/rating/slot.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffRefusal } from '../domain/tariff/document.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';

export type PublishTariffInput = {
  readonly idempotencyKey: string;
  readonly tariffId: TariffId;
  /** The version prices energy from here on, until the next version. */
  readonly validFromMs: number;
  /** JSON as it came: kept as written, priced as parsed. */
  readonly document: unknown;
};

export type PublishTariffCode =
  | KeyCode
  | TariffRefusal
  | 'NOT_PERMITTED'
  | 'TARIFF_NOT_FOUND'
  | 'TARIFF_VERSION_EXISTS'
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

type Publication = { readonly input: PublishTariffInput; readonly nowMs: number };

function checkInput({ validFromMs }: PublishTariffInput): Refused<PublishTariffCode> | null {
  const path = ['validFrom'];
  if (!(validFromMs >= 0 && validFromMs <= instantMsMax)) {
    const message = 'The version begins between 1970 and 2200; correct the instant.';
    return refuse('VALIDITY_OUT_OF_RANGE', message, path);
  }
  return isOnSlotGrid(validFromMs)
    ? null
    : refuse('VALIDITY_OFF_GRID', 'A version begins on a quarter hour, such as 00:15.', path);
}

async function publish(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: Publication,
): Promise<Outcome<KeyedAnswer, PublishTariffCode>> {
  const { companyId } = viewer;
  const { tariffId, validFromMs, document } = input;
  const refused = checkInput(input);
  if (refused !== null) return refused;
  const tariff = await findTariff(tx, { companyId, tariffId });
  if (tariff === null) {
    const message = 'There is no such tariff. Check its id; nothing was published.';
    return refuse('TARIFF_NOT_FOUND', message, ['tariffId']);
  }
  const parsed = parseTariffDocument(document);
  if (!parsed.ok) {
    return refuse(parsed.code, parsed.message, ['document', ...(parsed.path ?? [])]);
  }
  if (parsed.value.currency !== tariff.currency) {
    return refuse(
      'CURRENCY_MISMATCH',
      `The document is in ${parsed.value.currency}, the tariff in ${tariff.currency}. Write the ` +
        `prices in ${tariff.currency}, or publish under another tariff; nothing was published.`,
      ['document', 'currency'],
    );
  }
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
      ['validFrom'],
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
    after: { tariffVersionId: versionId, validFrom, metersToRate },
  });
  const detail = { tariffId, tariffVersionId: versionId, validFrom, metersToRate };
  const subjects = [{ meterId: 0, accountId: 0 }];
  await appendEvent(tx, plainEvent({ companyId, kind: 'tariff', atMs: nowMs, subjects, detail }));
  return accept({ tariffVersionId: String(versionId), metersToRate: String(metersToRate) });
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
    validFromMs: input.validFromMs,
    metersToRate: Number(textOf(answer, 'metersToRate')),
    isReplay,
  });
}
