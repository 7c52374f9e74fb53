import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

let words = 0;

/** A word that is repeated is a payment again. */
const applyPaymentEvent: Operations['applyPaymentEvent'] = (tx, event) => {
  words += 1;
  const eventId = `${event.eventId}/${words}`;
  const reference = event.kind === 'captured' ? `${event.reference}/${words}` : event.reference;
  return productionOperations.applyPaymentEvent(tx, { ...event, eventId, reference });
};

export const paysTwice: Operations = { ...productionOperations, applyPaymentEvent };

/** What the provider kept for itself stays owed. */
const settlePayout: Operations['settlePayout'] = (tx, told) =>
  productionOperations.settlePayout(tx, { ...told, feeMicros: 0n });

export const forgetsFees: Operations = { ...productionOperations, settlePayout };

/** The change is there, and its row of the audit is not. */
const useVoucher: Operations['useVoucher'] = (deps, viewer, input) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('insert into audit_entry')
      ? Promise.resolve({ count: 1 })
      : statement.run(),
  );
  return productionOperations.useVoucher({ ...deps, sql }, viewer, input);
};

export const forgetsAudit: Operations = { ...productionOperations, useVoucher };
