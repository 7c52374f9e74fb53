import type { GraphQLSchema } from 'graphql';
import { policy } from '../domain/access/policy.ts';
import { assert } from '../domain/assert.ts';
import './account.ts';
import './accountBalance.ts';
import './agreement.ts';
import './autoTopUp.ts';
import { builder } from './builder.ts';
import './auditEntry.ts';
import './cash.ts';
import './charge.ts';
import './command.ts';
import './commandProgress.ts';
import './customer.ts';
import './decisionNews.ts';
import './deposit.ts';
import './edgeKey.ts';
import './estimate.ts';
import './exception.ts';
import './explainCharge.ts';
import './keypad.ts';
import './ledger.ts';
import './manualReading.ts';
import './meter.ts';
import './meterConsumption.ts';
import './meterEvent.ts';
import './meterExchange.ts';
import './modeChange.ts';
import './payment.ts';
import './persistedOperation.ts';
import './prepaid.ts';
import './prepaidPolicy.ts';
import './price.ts';
import './priceSeries.ts';
import './protection.ts';
import './quarantine.ts';
import './readingTrace.ts';
import './reconciliation.ts';
import { auditRefusedMutations } from './refusedMutations.ts';
import './registerMark.ts';
import './scalars.ts';
import './simulation.ts';
import './simulationProgress.ts';
import './supplyDecision.ts';
import './tariff.ts';
import './tariffText.ts';
import './transfer.ts';
import './veeDecision.ts';
import './veeSet.ts';
import './viewer.ts';
import './workOrder.ts';

/** Root fields whose rule is missing or of another field: nobody could say who may use them. */
export function fieldsWithoutRule(schema: GraphQLSchema): string[] {
  const missing: string[] = [];
  for (const type of [
    schema.getQueryType(),
    schema.getMutationType(),
    schema.getSubscriptionType(),
  ]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const coordinate = `${type?.name}.${field.name}`;
      const options: unknown = field.extensions['pothosOptions'];
      const scopes =
        typeof options === 'object' && options !== null && 'authScopes' in options
          ? options.authScopes
          : null;
      const rule =
        typeof scopes === 'object' && scopes !== null && 'may' in scopes ? scopes.may : null;
      if (rule !== coordinate || !Object.hasOwn(policy, coordinate)) missing.push(coordinate);
    }
  }
  return missing;
}

function makeSchema(): GraphQLSchema {
  const made = builder.toSchema();
  const missing = fieldsWithoutRule(made);
  assert(missing.length === 0, `fields without a rule of their own: ${missing.join(', ')}`);
  auditRefusedMutations(made);
  return made;
}

export const schema = makeSchema();
