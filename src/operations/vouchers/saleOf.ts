import { derivedId } from '../derivedId.ts';

/** The transfer by which a voucher was sold: there is one of each voucher at most. */
export function saleOf({ companyId, serial }: { companyId: number; serial: bigint }): string {
  return derivedId('voucher_sold', String(companyId), serial.toString());
}
