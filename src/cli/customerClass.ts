import type { AgreementAttributes } from '../domain/rating/bill.ts';
import type { TariffDocument } from '../domain/tariff/document.ts';
import type { WarningFact } from './billFact.ts';

/**
 * A class that the tariff names nowhere is lawful, a charge may be of the others alone; more often
 * it is written otherwise than in the tariff, and its charges are silently not on the bill.
 */
export function customerClassWarnings(
  documents: readonly TariffDocument[],
  { customerClass }: Pick<AgreementAttributes, 'customerClass'>,
): readonly WarningFact[] {
  const lists = documents.flatMap((document) =>
    document.components.flatMap((each) => [...(each.when.customerClasses ?? [])]),
  );
  const known = new Set(lists);
  if (customerClass === null || known.size === 0 || known.has(customerClass)) return [];
  const names = [...known].map((name) => `"${name}"`).join(', ');
  const message =
    `No component is of the customerClass "${customerClass}"; the tariff names ${names}. ` +
    'Charges with a class are not on the bill.';
  return [{ code: 'CUSTOMER_CLASS_UNMATCHED', bill: null, component: null, message }];
}

export function sayWarnings(warnings: readonly Pick<WarningFact, 'code' | 'message'>[]): void {
  for (const { code, message } of warnings) process.stderr.write(`${code}: ${message}\n`);
}
