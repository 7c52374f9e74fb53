import { roles } from './viewer.ts';
import type { Role } from './viewer.ts';

/**
 * Who may do what, as data: a field of the API that is not named here is refused to everybody.
 * Which rows a role sees within a field is row-level security's matter, not this table's.
 */
const everybody = roles;
const staff = ['operator', 'administrator', 'developer'] as const;
/** Sends commands to devices and takes payments at a counter. */
const desk = ['operator', 'administrator'] as const;

export const policy = {
  'Query.viewer': everybody,
  'Query.node': everybody,
  'Query.nodes': everybody,
  'Query.meters': everybody,
  'Query.accounts': everybody,
  'Query.account': everybody,
  'Query.meter': everybody,
  'Query.tariffs': everybody,
  'Query.commands': everybody,
  'Query.command': everybody,
  'Query.priceAt': everybody,
  'Query.nextPrices': everybody,
  'Query.estimateBill': everybody,
  'Query.explainCharge': everybody,
  'Query.simulation': staff,
  'Query.simulations': staff,
  'Query.registerMarks': staff,
  'Query.meterEvents': staff,
  'Query.readingExceptions': staff,
  'Query.heldCharges': staff,
  'Query.quarantinedBatches': staff,
  'Query.veeDecision': staff,
  'Query.veeDecisions': staff,
  'Query.straightThrough': staff,
  'Query.readingTrace': staff,
  'Query.readingFragments': staff,
  'Query.loadProfile': staff,
  'Query.reconciliation': staff,
  'Query.persistedOperations': staff,
  'Query.veeSets': staff,
  'Query.veeRules': staff,
  'Query.trialBalance': staff,
  'Query.auditEntries': staff,
  'Mutation.correctTransfer': desk,
  'Mutation.adjustBalance': desk,
  'Mutation.writeOffDebt': ['administrator'],
  'Mutation.setAsideDebt': desk,
  'Mutation.planDebt': desk,
  'Mutation.changeAgreementMode': desk,
  'Mutation.changeAgreementAccount': desk,
  'Mutation.takeBackAgreementChange': desk,
  'Mutation.payOutAccount': desk,
  'Mutation.eraseCustomer': ['administrator'],
  'Mutation.takeDeposit': desk,
  'Mutation.takeEmergencyCredit': ['subscriber', ...desk],
  'Query.prepaidPolicies': everybody,
  'Query.whoWouldBeCut': staff,
  'Query.supplyDecision': everybody,
  'Query.protections': staff,
  'Query.weatherAdvisories': staff,
  'Query.breakerTrips': staff,
  'Query.workOrders': staff,
  'Query.paymentChannels': everybody,
  'Query.unallocatedPayments': staff,
  'Mutation.topUp': ['subscriber', ...desk],
  'Mutation.startPayment': ['subscriber', ...desk],
  'Mutation.refundPayment': desk,
  'Mutation.allocatePayment': desk,
  'Mutation.registerKeypad': ['administrator'],
  'Mutation.instructKeypad': ['administrator'],
  'Mutation.chooseKeypad': ['subscriber', ...desk],
  'Query.keypads': staff,
  'Mutation.setAutoTopUp': ['subscriber', ...desk],
  'Mutation.stopAutoTopUp': ['subscriber', ...desk],
  'Mutation.takeCash': desk,
  'Mutation.handOverCash': desk,
  'Mutation.changeAgentLimit': ['administrator'],
  'Mutation.useVoucher': ['subscriber', ...desk],
  'Query.bankEntries': staff,
  'Query.paymentAgents': staff,
  'Mutation.requestDisconnect': desk,
  'Mutation.requestReconnect': desk,
  'Mutation.approveDisconnect': desk,
  'Mutation.approveBreaker': desk,
  'Mutation.addProtection': desk,
  'Mutation.endProtection': desk,
  'Mutation.recordWeatherAdvisory': desk,
  'Mutation.endWeatherAdvisory': desk,
  'Mutation.endWorkOrder': desk,
  'Mutation.publishPrepaidPolicy': ['administrator', 'developer'],
  'Mutation.putUnderPolicy': desk,
  'Mutation.resolveDecision': desk,
  'Mutation.recordReadings': desk,
  'Mutation.editReading': desk,
  'Mutation.retryReadings': desk,
  'Mutation.dismissReadings': desk,
  'Mutation.replayQuarantined': desk,
  'Mutation.correctQuarantined': desk,
  'Mutation.dismissQuarantined': desk,
  'Mutation.publishTariff': ['administrator', 'developer'],
  'Mutation.publishVeeSet': ['administrator', 'developer'],
  'Mutation.revokeEdgeKey': ['administrator'],
  'Mutation.recordRegisterMark': desk,
  'Mutation.exchangeMeter': desk,
  'Mutation.recordPrices': ['administrator', 'developer'],
  'Mutation.simulateTariff': ['administrator', 'developer'],
  'Mutation.cancelSimulation': ['administrator', 'developer'],
  'Mutation.registerPersistedOperation': ['administrator', 'developer'],
  'Subscription.meterConsumption': everybody,
  'Subscription.accountBalance': everybody,
  'Subscription.commandProgress': everybody,
  'Subscription.simulationProgress': staff,
  'Subscription.decisionNews': staff,
} as const satisfies Record<string, readonly Role[]>;

export type AccessRule = keyof typeof policy;

/** Who may use a field, by its name in the schema: `Mutation.topUp`. */
export function rolesAllowed(field: string): readonly Role[] {
  return new Map<string, readonly Role[]>(Object.entries(policy)).get(field) ?? [];
}

export function isAllowed(role: Role, rule: AccessRule): boolean {
  const allowed: readonly Role[] = policy[rule];
  return allowed.includes(role);
}
