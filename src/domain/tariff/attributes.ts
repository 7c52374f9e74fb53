import { parseDecimalE8 } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { AgreementAttributes } from '../rating/bill.ts';
import { attributesShape } from './shape.ts';

export type AttributesCode = 'ATTRIBUTES_MALFORMED';

/** Nothing is said: a tariff that asks for an attribute is refused when it is rated. */
export const noAttributes: AgreementAttributes = {
  meters: null,
  contractedKwE8: null,
  fuseAE8: null,
  phases: null,
  customerClass: null,
};

function quantityE8(
  text: string | undefined,
  field: string,
): Outcome<bigint | null, AttributesCode> {
  if (text === undefined) return accept(null);
  const parsed = parseDecimalE8(text);
  if (parsed.ok && parsed.value >= 0n) return accept(parsed.value);
  const message = `${field} is "${text}". Write a decimal number of zero or more, such as "41.5".`;
  return refuse('ATTRIBUTES_MALFORMED', message, [field]);
}

function wholeOf(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

/** What an agreement says of itself, as people write it and as it is stored. */
export function parseAttributes(raw: unknown): Outcome<AgreementAttributes, AttributesCode> {
  const parsed = attributesShape.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map(String);
    const where = path.length === 0 ? 'The attributes' : path.join('.');
    const message = `${where}: ${issue?.message ?? 'unreadable'}. Correct it.`;
    return refuse('ATTRIBUTES_MALFORMED', message, path);
  }
  const { meters, contractedKw, fuseA, phases, customerClass } = parsed.data;
  const contractedKwE8 = quantityE8(contractedKw, 'contractedKw');
  if (!contractedKwE8.ok) return contractedKwE8;
  const fuseAE8 = quantityE8(fuseA, 'fuseA');
  if (!fuseAE8.ok) return fuseAE8;
  return accept({
    meters: wholeOf(meters),
    contractedKwE8: contractedKwE8.value,
    fuseAE8: fuseAE8.value,
    phases: wholeOf(phases),
    customerClass: customerClass ?? null,
  });
}
