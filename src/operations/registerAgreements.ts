import type { Transaction } from '../db/connect.ts';
import { addAttributes, insertAgreements, readAgreementRows } from '../db/fleet.ts';
import type { AgreementRow } from '../db/fleet.ts';
import { readVersions } from '../db/ratingInputs.ts';
import { insertAgreementDuties, insertPricingChange } from '../db/tariffVersions.ts';
import { checkOverlap } from '../domain/checkFleet.ts';
import type { Fleet } from '../domain/fleet.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import { refusePrepaid } from '../domain/tariff/prepaid.ts';
import type { AttributesShape } from '../domain/tariff/shape.ts';
import { FleetRefused, conflict, idOf } from './fleetRefused.ts';

type NamedIds = {
  readonly accounts: ReadonlyMap<string, number>;
  readonly servicePoints: ReadonlyMap<string, number>;
  readonly tariffs: ReadonlyMap<string, number>;
};

function agreementKey(row: Pick<AgreementRow, 'accountId' | 'servicePointId' | 'validFromMs'>) {
  return `${row.accountId}/${row.servicePointId}/${row.validFromMs}`;
}

/** The declared agreements; their ids in the order of the declaration. */
export async function registerAgreements(
  tx: Transaction,
  companyId: number,
  { fleet, ids: named, nowMs }: { fleet: Fleet; ids: NamedIds; nowMs: number },
): Promise<readonly number[]> {
  const declared = fleet.agreements.map((agreement): AgreementRow => ({
    accountId: idOf(named.accounts, agreement.account),
    servicePointId: idOf(named.servicePoints, agreement.servicePoint),
    tariffId: idOf(named.tariffs, agreement.tariff),
    mode: agreement.mode,
    validFromMs: agreement.validFromMs,
    validToMs: agreement.validToMs,
    balanceLimitMicros: agreement.balanceLimitMicros,
    reconnectMicros: agreement.reconnectMicros,
    attributes: agreement.attributes ?? {},
  }));
  const known = new Set((await readAgreementRows(tx, companyId)).map(agreementKey));
  const fresh = declared.filter((agreement) => !known.has(agreementKey(agreement)));
  await refuseUnsupported(tx, fresh);
  if (fresh.length > 0) {
    await insertAgreements(tx, companyId, fresh);
    await insertAgreementDuties(tx, {
      companyId,
      servicePointIds: fresh.map(({ servicePointId }) => servicePointId),
      fromMs: fresh.reduce((least, { validFromMs }) => Math.min(least, validFromMs), Infinity),
      reason: 'agreement_added',
    });
  }
  const rows = await readAgreementRows(tx, companyId);
  const pointNames = new Map([...named.servicePoints].map(([name, id]) => [id, name]));
  const overlap = checkOverlap(
    rows.map((row) => ({ ...row, servicePoint: pointNames.get(row.servicePointId) ?? '' })),
  );
  if (!overlap.ok) throw new FleetRefused(overlap);
  const registered = new Map(rows.map((row) => [agreementKey(row), row]));
  const ids: number[] = [];
  for (const agreement of declared) {
    const row = registered.get(agreementKey(agreement));
    const isSame =
      row !== undefined &&
      row.tariffId === agreement.tariffId &&
      row.mode === agreement.mode &&
      (row.isChanged || row.validToMs === agreement.validToMs) &&
      row.balanceLimitMicros === agreement.balanceLimitMicros &&
      row.reconnectMicros === agreement.reconnectMicros;
    const added = isSame ? addedAttributes(row.attributes, agreement.attributes) : null;
    if (row === undefined || added === null) {
      throw conflict(`The agreement of service point ${agreement.servicePointId}`);
    }
    if (Object.keys(added).length > 0) await sayAttributes(tx, row, { companyId, added, nowMs });
    ids.push(row.id);
  }
  return ids;
}

/** Versions that people published are not in the declaration: a prepaid agreement must fit them. */
async function refuseUnsupported(tx: Transaction, fresh: readonly AgreementRow[]): Promise<void> {
  const prepaid = fresh.filter(({ mode }) => mode === 'prepaid').map(({ tariffId }) => tariffId);
  if (prepaid.length === 0) return;
  for (const { document } of await readVersions(tx, [...new Set(prepaid)])) {
    const parsed = parseTariffDocument(document);
    const unsupported = parsed.ok ? refusePrepaid(parsed.value) : null;
    if (unsupported !== null) throw new FleetRefused(unsupported);
  }
}

/** What the declaration says beyond what is registered; null where it says something else. */
function addedAttributes(
  registered: AttributesShape,
  declared: AttributesShape,
): AttributesShape | null {
  const known = new Map(Object.entries(registered));
  const isOther = Object.entries(declared).some(
    ([name, value]) => known.has(name) && known.get(name) !== value,
  );
  if (isOther) return null;
  return Object.fromEntries(Object.entries(declared).filter(([name]) => !known.has(name)));
}

/** From its begin on the agreement is rated with them: a tariff may have waited for one. */
async function sayAttributes(
  tx: Transaction,
  row: AgreementRow & { readonly id: number },
  { companyId, added, nowMs }: { companyId: number; added: AttributesShape; nowMs: number },
): Promise<void> {
  await insertAgreementDuties(tx, {
    companyId,
    servicePointIds: [row.servicePointId],
    fromMs: row.validFromMs,
    reason: 'attributes_added',
  });
  await addAttributes(tx, { agreementId: row.id, attributes: added });
  await insertPricingChange(tx, { companyId, what: 'attributes', atMs: nowMs });
}
