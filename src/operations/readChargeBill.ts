import type { ChargeView } from '../db/chargeReads.ts';
import type { Statement } from '../db/connect.ts';
import { assert } from '../domain/assert.ts';
import { accept } from '../domain/outcome.ts';
import { emptyCarry } from '../domain/rating/bill.ts';
import type { Bill } from '../domain/rating/bill.ts';
import { decodeBillCarry } from '../domain/rating/carryCodec.ts';
import { compileTariff } from '../domain/rating/compile.ts';
import { finish } from '../domain/rating/finish.ts';
import { parseAttributes } from '../domain/tariff/attributes.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import { readSeriesPrices } from './lab/readSeriesPrices.ts';
import { decodeSums, windowOfSums } from './rating/storedSums.ts';

/**
 * The bill behind a charge, from its closed slots by the kernel that rated it; null where the
 * rating refused it, which is shown as unrated energy. What was published and rated before can be
 * parsed and compiled again.
 */
export async function readChargeBill(tx: Statement, charge: ChargeView): Promise<Bill | null> {
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
  const bill = finish(compiled.value, stored.accumulator, {
    attributes: attributes.value,
    carryIn: carryIn.value,
    openUntilMs: charge.openUntil?.getTime() ?? null,
  });
  return bill.ok ? bill.value : null;
}
