import { buildSchema } from 'graphql';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAllowed, policy } from '../../src/domain/access/policy.ts';
import type { AccessRule } from '../../src/domain/access/policy.ts';
import { roles } from '../../src/domain/access/viewer.ts';
import { fieldsWithoutRule, schema } from '../../src/schema/schema.ts';
import { globalId, openWorld, tokenOf, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld('access');
});
afterAll(async () => {
  await world.close();
});

const key = '"00000000-0000-4000-8000-0000000000f1"';
const page = '{ pageInfo { hasNextPage } }';
const failure = '... on UserError { code }';
const meter = `"${globalId('Meter', 12)}"`;
const account = `"${globalId('Account', 101)}"`;
const transfer = `"${globalId('Transfer', '00000000-0000-4000-8000-0000000000e1')}"`;
const command = `"${globalId('Command', '00000000-0000-4000-8000-0000000000c1')}"`;
const agreement = `"${globalId('Agreement', 1)}"`;
const charge = `"${globalId('Charge', '1.10.1772319600000.1')}"`;
const batch = `"${globalId('QuarantinedBatch', `${'0'.repeat(64)}.BATCH_MALFORMED`)}"`;
const decision = `"${globalId('VeeDecision', '1')}"`;
const payment = `"${globalId('Payment', '00000000-0000-4000-8000-0000000000e1')}"`;
const simulation = `"${globalId('Simulation', '00000000-0000-4000-8000-0000000000d1')}"`;

/** A request for each rule: without one for a new field the matrix below fails. */
const requests: Record<AccessRule, string> = {
  'Query.viewer': '{ viewer { role } }',
  'Query.node': `{ node(id: ${meter}) { id } }`,
  'Query.nodes': `{ nodes(ids: [${meter}]) { id } }`,
  'Query.meters': `{ meters ${page} }`,
  'Query.meter': `{ meter(id: ${meter}) { id } }`,
  'Query.accounts': `{ accounts ${page} }`,
  'Query.account': `{ account(id: ${account}) { id } }`,
  'Query.tariffs': `{ tariffs ${page} }`,
  'Query.commands': `{ commands ${page} }`,
  'Query.command': `{ command(id: ${command}) { id } }`,
  'Query.priceAt': `{ priceAt(agreementId: ${agreement}, at: "2026-03-02T00:00:00Z") { price } }`,
  'Query.nextPrices': `{ nextPrices(agreementId: ${agreement}, from: "2026-03-02T00:00:00Z") {
    price } }`,
  'Query.estimateBill': `{ estimateBill(agreementId: ${agreement}, month: "2026-03") { month } }`,
  'Query.explainCharge': `{ explainCharge(chargeId: ${charge}, component: "work") {
    rest { exact } } }`,
  'Query.simulation': `{ simulation(id: ${simulation}) { id } }`,
  'Query.simulations': `{ simulations ${page} }`,
  'Query.registerMarks': `{ registerMarks(meterId: ${meter}) { kind } }`,
  'Query.meterEvents': `{ meterEvents(meterId: ${meter}, from: "2026-03-02T00:00:00Z",
    to: "2026-03-03T00:00:00Z") { name } }`,
  'Query.readingExceptions': `{ readingExceptions ${page} }`,
  'Query.heldCharges': `{ heldCharges ${page} }`,
  'Query.quarantinedBatches': `{ quarantinedBatches ${page} }`,
  'Query.readingTrace': `{ readingTrace(meterId: ${meter}, readAt: "2026-03-02T00:00:00Z") {
    isWinner } }`,
  'Query.readingFragments': `{ readingFragments(meterId: ${meter}, from: "2026-03-02T00:00:00Z",
    to: "2026-03-02T01:00:00Z") ${page} }`,
  'Query.loadProfile': `{ loadProfile(meterId: ${meter}, from: "2026-03-02T00:00:00Z",
    to: "2026-03-02T01:00:00Z") ${page} }`,
  'Query.reconciliation': `{ reconciliation(from: "2026-03-02T00:00:00Z",
    to: "2026-03-02T01:00:00Z") { unexplained } }`,
  'Query.persistedOperations': `{ persistedOperations ${page} }`,
  'Query.veeDecision': `{ veeDecision(id: ${decision}) { id } }`,
  'Query.veeDecisions': `{ veeDecisions ${page} }`,
  'Query.straightThrough': `{ straightThrough(from: "2026-01-01T00:00:00Z",
    to: "2026-02-01T00:00:00Z") { month } }`,
  'Query.veeSets': `{ veeSets ${page} }`,
  'Query.veeRules': `{ veeRules(customerClass: LARGE, at: "2026-03-02T00:00:00Z") { rules } }`,
  'Query.trialBalance': '{ trialBalance { sums { amount } } }',
  'Mutation.correctTransfer': `mutation { correctTransfer(input: { idempotencyKey: ${key},
    transferId: ${transfer}, reasonCode: WRONG_AMOUNT, reason: "" }) { ${failure} } }`,
  'Mutation.adjustBalance': `mutation { adjustBalance(input: { idempotencyKey: ${key},
    accountId: ${account}, amount: "0", currency: "EUR", reasonCode: GOODWILL, reason: "x" }) {
    ${failure} } }`,
  'Mutation.writeOffDebt': `mutation { writeOffDebt(input: { idempotencyKey: ${key},
    accountId: ${account}, reasonCode: HARDSHIP, reason: "" }) { ${failure} } }`,
  'Query.prepaidPolicies': `{ prepaidPolicies ${page} }`,
  'Query.whoWouldBeCut': `{ whoWouldBeCut(at: "2026-03-02T00:00:00Z") {
    supplies { wouldBeCut } } }`,
  'Query.supplyDecision': `{ supplyDecision(meterId: ${meter}) { supply } }`,
  'Query.protections': `{ protections ${page} }`,
  'Query.weatherAdvisories': `{ weatherAdvisories ${page} }`,
  'Query.breakerTrips': '{ breakerTrips { isOpen } }',
  'Query.workOrders': `{ workOrders ${page} }`,
  'Mutation.approveDisconnect': `mutation { approveDisconnect(input: { idempotencyKey: ${key},
    meterId: ${meter}, reason: "" }) { ${failure} } }`,
  'Mutation.approveBreaker': `mutation { approveBreaker(input: { idempotencyKey: ${key},
    tripId: ${key}, reason: "" }) { ${failure} } }`,
  'Mutation.addProtection': `mutation { addProtection(input: { idempotencyKey: ${key},
    accountId: ${account}, kind: MEDICAL, from: "2026-03-02T00:00:00Z", reason: "" }) {
    ${failure} } }`,
  'Mutation.endProtection': `mutation { endProtection(input: { idempotencyKey: ${key},
    protectionId: ${key}, contactProof: "", reason: "" }) { ${failure} } }`,
  'Mutation.recordWeatherAdvisory': `mutation { recordWeatherAdvisory(input: {
    idempotencyKey: ${key}, region: "", kind: HEAT, from: "2026-03-02T00:00:00Z",
    to: "2026-03-03T00:00:00Z", source: "" }) { ${failure} } }`,
  'Mutation.endWeatherAdvisory': `mutation { endWeatherAdvisory(input: { idempotencyKey: ${key},
    advisoryId: ${key}, reason: "" }) { ${failure} } }`,
  'Mutation.endWorkOrder': `mutation { endWorkOrder(input: { idempotencyKey: ${key},
    workOrderId: ${key}, outcome: "" }) { ${failure} } }`,
  'Mutation.publishPrepaidPolicy': `mutation { publishPrepaidPolicy(input: {
    idempotencyKey: ${key}, validFrom: "2026-01-01T00:00:01Z", document: {}, reason: "test" }) {
    ${failure} } }`,
  'Mutation.putUnderPolicy': `mutation { putUnderPolicy(input: { idempotencyKey: ${key},
    accountId: ${account}, policyName: "standard", validFrom: "2026-01-01T00:00:01Z",
    reason: "" }) { ${failure} } }`,
  'Query.paymentChannels': '{ paymentChannels { name } }',
  'Query.unallocatedPayments': `{ unallocatedPayments ${page} }`,
  'Mutation.startPayment': `mutation { startPayment(input: { idempotencyKey: ${key},
    accountId: ${account}, channelId: "${globalId('PaymentChannel', 1)}", amount: "0.00",
    currency: "EUR" }) { ${failure} } }`,
  'Mutation.refundPayment': `mutation { refundPayment(input: { idempotencyKey: ${key},
    paymentId: ${payment}, reason: "test" }) { ${failure} } }`,
  'Mutation.allocatePayment': `mutation { allocatePayment(input: { idempotencyKey: ${key},
    paymentId: ${payment}, accountId: ${account}, reason: "" }) { ${failure} } }`,
  'Query.bankEntries': `{ bankEntries ${page} }`,
  'Query.paymentAgents': '{ paymentAgents { name } }',
  'Mutation.registerKeypad': `mutation { registerKeypad(input: { meterId: ${meter}, key: "",
    startingCode: 1, digits: 9, unitPrice: "1", currency: "EUR" }) { ${failure} } }`,
  'Query.keypads': `{ keypads ${page} }`,
  'Mutation.chooseKeypad': `mutation { chooseKeypad(input: { paymentId: ${payment},
    meterId: ${meter} }) { ${failure} } }`,
  'Mutation.instructKeypad': `mutation { instructKeypad(input: { idempotencyKey: ${key},
    meterId: ${meter}, kind: DISABLE, reason: "" }) { ${failure} } }`,
  'Mutation.setAutoTopUp': `mutation { setAutoTopUp(input: { idempotencyKey: ${key},
    accountId: ${account}, channelId: "${globalId('PaymentChannel', 1)}", instrument: "pm_1",
    below: "1", amount: "1", dailyMax: "1" }) { ${failure} } }`,
  'Mutation.stopAutoTopUp': `mutation { stopAutoTopUp(input: { accountId: ${account} }) {
    ${failure} } }`,
  'Mutation.takeCash': `mutation { takeCash(input: { idempotencyKey: ${key}, agent: "nobody",
    accountId: ${account}, amount: "1" }) { ${failure} } }`,
  'Mutation.handOverCash': `mutation { handOverCash(input: { idempotencyKey: ${key},
    agent: "nobody", amount: "1" }) { ${failure} } }`,
  'Mutation.changeAgentLimit': `mutation { changeAgentLimit(input: { idempotencyKey: ${key},
    agent: "nobody", floatLimit: "1", reason: "" }) { ${failure} } }`,
  'Mutation.useVoucher': `mutation { useVoucher(input: { idempotencyKey: ${key},
    accountId: ${account}, code: "none" }) { ${failure} } }`,
  'Mutation.takeEmergencyCredit': `mutation { takeEmergencyCredit(input: {
    idempotencyKey: ${key}, accountId: ${account} }) { ${failure} } }`,
  'Mutation.setAsideDebt': `mutation { setAsideDebt(input: { idempotencyKey: ${key},
    accountId: ${account}, reasonCode: IMPORTED, reason: "" }) { ${failure} } }`,
  'Mutation.planDebt': `mutation { planDebt(input: { idempotencyKey: ${key},
    accountId: ${account}, share: "0", weekly: "0", reason: "" }) { ${failure} } }`,
  'Mutation.changeAgreementMode': `mutation { changeAgreementMode(input: {
    idempotencyKey: ${key}, agreementId: ${agreement}, mode: PREPAID, reason: "" }) {
    ${failure} } }`,
  'Mutation.changeAgreementAccount': `mutation { changeAgreementAccount(input: {
    idempotencyKey: ${key}, agreementId: ${agreement}, accountId: ${account}, mode: PREPAID,
    reason: "" }) { ${failure} } }`,
  'Mutation.takeBackAgreementChange': `mutation { takeBackAgreementChange(input: {
    idempotencyKey: ${key}, agreementId: ${agreement}, reason: "" }) { ${failure} } }`,
  'Mutation.eraseCustomer': `mutation { eraseCustomer(input: { idempotencyKey: ${key},
    accountId: ${account}, reason: "" }) { ${failure} } }`,
  'Mutation.takeDeposit': `mutation { takeDeposit(input: { idempotencyKey: ${key},
    accountId: ${account}, amount: "0", currency: "EUR", reason: "" }) { ${failure} } }`,
  'Mutation.payOutAccount': `mutation { payOutAccount(input: { idempotencyKey: ${key},
    accountId: ${account}, from: BANK, reason: "" }) { ${failure} } }`,
  'Query.auditEntries': `{ auditEntries ${page} }`,
  'Mutation.topUp': `mutation { topUp(input: { idempotencyKey: ${key}, accountId: ${account},
    amount: "0.00", currency: "EUR" }) { ${failure} } }`,
  'Mutation.requestDisconnect': `mutation { requestDisconnect(input: { idempotencyKey: ${key},
    meterId: ${meter}, reason: "test" }) { ${failure} } }`,
  'Mutation.requestReconnect': `mutation { requestReconnect(input: { idempotencyKey: ${key},
    meterId: ${meter}, reason: "test" }) { ${failure} } }`,
  'Mutation.publishTariff': `mutation { publishTariff(input: { idempotencyKey: ${key},
    tariffId: "${globalId('Tariff', 1)}", validFrom: "2026-01-01T00:00:01Z", document: {} }) {
    ${failure} } }`,
  'Mutation.publishVeeSet': `mutation { publishVeeSet(input: { idempotencyKey: ${key},
    validFrom: "2026-01-01T00:00:01Z", document: {}, reason: "test" }) { ${failure} } }`,
  'Mutation.recordRegisterMark': `mutation { recordRegisterMark(input: { idempotencyKey: ${key},
    meterId: ${meter}, at: "2026-03-02T00:00:00Z", kind: FACTOR, reason: "test" }) {
    ${failure} } }`,
  'Mutation.exchangeMeter': `mutation { exchangeMeter(input: { idempotencyKey: ${key},
    meterId: ${meter}, at: "2026-03-02T00:00:00Z", finalValues: [], startValues: [],
    meter: { serial: "" }, reason: "test" }) { ${failure} } }`,
  'Mutation.recordReadings': `mutation { recordReadings(input: { idempotencyKey: ${key},
    reason: "test", readings: [] }) { ${failure} } }`,
  'Mutation.editReading': `mutation { editReading(input: { idempotencyKey: ${key},
    meterId: ${meter}, readAt: "2026-03-02T00:00:00Z", supersedes: 0, reason: "" }) {
    ${failure} } }`,
  'Mutation.retryReadings': `mutation { retryReadings(input: { idempotencyKey: ${key},
    meterId: ${meter} }) { ${failure} } }`,
  'Mutation.dismissReadings': `mutation { dismissReadings(input: { idempotencyKey: ${key},
    code: "METER_UNKNOWN", reason: "" }) { ${failure} } }`,
  'Mutation.replayQuarantined': `mutation { replayQuarantined(input: { idempotencyKey: ${key},
    batchId: ${batch}, reason: "" }) { ${failure} } }`,
  'Mutation.dismissQuarantined': `mutation { dismissQuarantined(input: { idempotencyKey: ${key},
    batchId: ${batch}, reason: "" }) { ${failure} } }`,
  'Mutation.correctQuarantined': `mutation { correctQuarantined(input: { idempotencyKey: ${key},
    batchId: ${batch}, reason: "", readings: [] }) { ${failure} } }`,
  'Mutation.resolveDecision': `mutation { resolveDecision(input: { idempotencyKey: ${key},
    decisionId: ${decision}, resolution: CONFIRMED, reason: "x" }) { ${failure} } }`,
  'Mutation.revokeEdgeKey': `mutation { revokeEdgeKey(input: { idempotencyKey: ${key},
    keyId: "00", reason: "x" }) { ${failure} } }`,
  'Mutation.recordPrices': `mutation { recordPrices(input: { idempotencyKey: ${key},
    series: { name: "x", currency: "EUR", unit: KWH, step: PT60M }, points: [] }) { ${failure} } }`,
  'Mutation.simulateTariff': `mutation { simulateTariff(input: { idempotencyKey: ${key},
    document: {}, customerClass: "home", from: "2026-01", through: "2026-02" }) { ${failure} } }`,
  'Mutation.cancelSimulation': `mutation { cancelSimulation(input: {
    simulationId: ${simulation} }) { ${failure} } }`,
  'Mutation.registerPersistedOperation': `mutation { registerPersistedOperation(input: {
    name: "x", document: "{" }) { ${failure} } }`,
  'Subscription.meterConsumption': `subscription { meterConsumption(meterId: ${meter}) {
    __typename } }`,
  'Subscription.accountBalance': `subscription { accountBalance(accountId: ${account}) {
    __typename } }`,
  'Subscription.commandProgress': `subscription { commandProgress(commandId: ${command}) {
    __typename } }`,
  'Subscription.simulationProgress': `subscription { simulationProgress(
    simulationId: ${simulation}) { __typename } }`,
  'Subscription.decisionNews': `subscription { decisionNews { __typename } }`,
};

function isRule(name: string): name is AccessRule {
  return Object.hasOwn(policy, name);
}

/** What the stream or the response begins with. */
async function firstAnswer(role: (typeof roles)[number], rule: AccessRule): Promise<string> {
  const viewer = viewerOf(role, role === 'subscriber' ? { account: 100 } : {});
  const controller = new AbortController();
  const response = await fetch(`${world.base}/graphql`, {
    method: 'POST',
    signal: controller.signal,
    headers: {
      'content-type': 'application/json',
      accept: rule.startsWith('Subscription.') ? 'text/event-stream' : 'application/json',
      authorization: `Bearer ${await tokenOf(viewer)}`,
    },
    body: JSON.stringify({ query: requests[rule] }),
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (/\{.*\}/.test(text)) break;
  }
  controller.abort();
  return text;
}

describe('the policy table', () => {
  test('has a rule for every field of the schema and no rule for another', () => {
    const fields = [
      ...Object.keys(schema.getQueryType()?.getFields() ?? {}).map((name) => `Query.${name}`),
      ...Object.keys(schema.getMutationType()?.getFields() ?? {}).map((name) => `Mutation.${name}`),
      ...Object.keys(schema.getSubscriptionType()?.getFields() ?? {}).map(
        (name) => `Subscription.${name}`,
      ),
    ];
    expect(fields.toSorted()).toEqual(Object.keys(policy).toSorted());
    expect(fieldsWithoutRule(schema)).toEqual([]);
  });

  test('a planted field without a rule is found', () => {
    const planted = buildSchema('type Query { viewer: Int meters: Int secret: Int }');
    expect(fieldsWithoutRule(planted)).toEqual(['Query.viewer', 'Query.meters', 'Query.secret']);
  });

  const rules = Object.keys(policy).filter(isRule);
  test.each(roles)('is what the running API holds the role %s to', async (role) => {
    for (const rule of rules) {
      const isRefused = (await firstAnswer(role, rule)).includes('"FORBIDDEN"');
      expect([rule, isRefused]).toEqual([rule, !isAllowed(role, rule)]);
    }
    await expect.poll(() => world.tail.watcherCount()).toBe(0);
  });
});

test('a bug reaches the log whole and the client without its details', async () => {
  const owner = postgres(world.url, { max: 1, onnotice: () => {} });
  try {
    await owner`alter table supply rename to planted`;
    const query = '{ meters(first: 1) { edges { node { supply { since } } } } }';
    const { body } = await world.post(viewerOf('operator'), { query });
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'INTERNAL_ERROR' } }] });
    expect(JSON.stringify(body)).not.toMatch(/supply"? does not exist|relation/);
    // The only one of this file: every request above was answered or refused by a code.
    expect(world.errors.splice(0).map(String)).toEqual([
      expect.stringContaining('relation "supply" does not exist'),
    ]);
  } finally {
    await owner`alter table planted rename to supply`;
    await owner.end();
  }
});
