import type { ChargeView } from '../db/chargeReads.ts';
import { readIdleDays } from '../db/idleDays.ts';
import type { Statement } from '../db/connect.ts';
import { assert } from '../domain/assert.ts';
import { accept } from '../domain/outcome.ts';
import { emptyCarry } from '../domain/rating/bill.ts';
import type { Bill } from '../domain/rating/bill.ts';
import { decodeBillCarry } from '../domain/rating/carryCodec.ts';
import { compileTariff } from '../domain/rating/compile.ts';
import type { CompiledTariff } from '../domain/rating/compiled.ts';
import { finish } from '../domain/rating/finish.ts';
import type { Settlement } from '../domain/rating/settlement.ts';
import { parseAttributes } from '../domain/tariff/attributes.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import { readSeriesPrices } from './rating/readSeriesPrices.ts';
import { decodeSums, windowOfSums } from './rating/storedSums.ts';
import type { StoredSums } from './rating/storedSums.ts';

export type OpenedCharge = {
  readonly compiled: CompiledTariff;
  readonly stored: StoredSums;
  readonly settlement: Settlement;
};

/**
 * What a charge was rated from; null where it was not, which is shown as unrated energy. What was
 * published and rated before can be parsed and compiled again.
 */
export async function openCharge(tx: Statement, charge: ChargeView): Promise<OpenedCharge | null> {
  const document = parseTariffDocument(charge.document);
  assert(document.ok, 'a published tariff can be read again');
  const window = windowOfSums(charge.accumulator);
  if (window === null) return null;
  const { companyId } = charge;
  const prices = await readSeriesPrices(tx, { companyId, documents: [document.value], ...window });
  const compiled = compileTariff(document.value, { zone: charge.timeZone, ...window, prices });
  assert(compiled.ok, 'a rated tariff can be compiled again');
  const stored = decodeSums(compiled.value, charge.accumulator);
  const attributes = parseAttributes(charge.attributes);
  assert(attributes.ok, 'stored attributes were checked');
  const carryIn = charge.carryIn === null ? accept(emptyCarry) : decodeBillCarry(charge.carryIn);
  assert(carryIn.ok, 'a stored carry can be read again');
  if (stored === null) return null;
  const openUntilMs = charge.openUntil?.getTime() ?? null;
  const idle = await readIdleDays(tx, charge.agreementId);
  const settlement = { attributes: attributes.value, carryIn: carryIn.value, openUntilMs, idle };
  return { compiled: compiled.value, stored, settlement };
}

/** The bill behind a charge, from its closed slots by the kernel that rated it. */
export async function readChargeBill(tx: Statement, charge: ChargeView): Promise<Bill | null> {
  const opened = await openCharge(tx, charge);
  if (opened === null) return null;
  const bill = finish(opened.compiled, opened.stored.accumulator, opened.settlement);
  return bill.ok ? bill.value : null;
}
