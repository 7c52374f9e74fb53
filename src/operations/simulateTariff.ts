import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { chooseAgreements, countOpenSimulations, insertSimulation } from '../db/simulations.ts';
import type { SimulationScope } from '../db/simulations.ts';
import { findTariff } from '../db/tariffVersions.ts';
import { findTariffVersions } from '../db/tariffReads.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import {
  simulationAgreementsMax,
  simulationMonthsMax,
  simulationsOpenMax,
} from '../domain/labLimits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffRefusal } from '../domain/tariff/document.ts';
import { monthText, parseMonth, startOfMonthMs } from '../domain/time/month.ts';
import type { MonthNumber } from '../domain/time/month.ts';
import { derivedId } from './derivedId.ts';
import { appendProgress } from './lab/simulationEvent.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';

export type SimulateTariffInput = {
  readonly idempotencyKey: string;
  /** Exactly one of the two. */
  readonly document: unknown;
  readonly tariffVersionId: number | null;
  /** A list, or a tariff and a customer class, of which one may be left open. */
  readonly agreementIds: readonly number[] | null;
  readonly tariffId: number | null;
  readonly customerClass: string | null;
  /** Local months, `2026-03`, both of them rated. */
  readonly fromMonth: string;
  readonly throughMonth: string;
};

export type SimulateTariffCode =
  | KeyCode
  | TariffRefusal
  | 'NOT_PERMITTED'
  | 'DRAFT_MISSING'
  | 'MONTH_MALFORMED'
  | 'MONTHS_REVERSED'
  | 'MONTHS_TOO_MANY'
  | 'SCOPE_MISSING'
  | 'TARIFF_NOT_FOUND'
  | 'TARIFF_VERSION_NOT_FOUND'
  | 'AGREEMENT_NOT_FOUND'
  | 'SIMULATION_EMPTY'
  | 'SIMULATION_TOO_LARGE'
  | 'SIMULATIONS_TOO_MANY';

export type RequestedSimulation = {
  readonly simulationId: string;
  readonly agreementCount: number;
  readonly isReplay: boolean;
};

type Months = { readonly from: MonthNumber; readonly through: MonthNumber };
type Request = { readonly input: SimulateTariffInput; readonly nowMs: number };

function parseMonths({
  fromMonth,
  throughMonth,
}: SimulateTariffInput): Outcome<Months, SimulateTariffCode> {
  const from = parseMonth(fromMonth);
  if (!from.ok) return refuse(from.code, from.message, ['from']);
  const through = parseMonth(throughMonth);
  if (!through.ok) return refuse(through.code, through.message, ['through']);
  if (through.value < from.value) {
    const message = 'The last month is before the first. Exchange them, or send the same twice.';
    return refuse('MONTHS_REVERSED', message, ['through']);
  }
  if (through.value - from.value >= simulationMonthsMax) {
    const message = `A simulation has at most ${simulationMonthsMax} months. Ask for fewer.`;
    return refuse('MONTHS_TOO_MANY', message, ['through']);
  }
  return accept({ from: from.value, through: through.value });
}

/** The draft as it will be rated, from the input or from a version that the viewer may see. */
async function findDraft(
  tx: Transaction,
  { document, tariffVersionId }: SimulateTariffInput,
): Promise<Outcome<{ document: unknown; currency: string }, SimulateTariffCode>> {
  const hasDocument = document !== null && document !== undefined;
  if (hasDocument === (tariffVersionId !== null)) {
    const message = 'Send either a document or the id of a tariff version.';
    return refuse('DRAFT_MISSING', message, ['document']);
  }
  let draft = document;
  if (tariffVersionId !== null) {
    const [version] = await findTariffVersions(tx, [tariffVersionId]);
    if (version === undefined) {
      const message = 'There is no such tariff version. Check its id.';
      return refuse('TARIFF_VERSION_NOT_FOUND', message, ['tariffVersionId']);
    }
    draft = version.document;
  }
  const parsed = parseTariffDocument(draft);
  if (!parsed.ok) {
    return refuse(parsed.code, parsed.message, ['document', ...(parsed.path ?? [])]);
  }
  return accept({ document: draft, currency: parsed.value.currency });
}

async function findScope(
  tx: Transaction,
  viewer: Viewer,
  { agreementIds, tariffId, customerClass }: SimulateTariffInput,
): Promise<Outcome<SimulationScope, SimulateTariffCode>> {
  if ((agreementIds === null) === (tariffId === null && customerClass === null)) {
    const message =
      'Send either agreementIds, or a tariffId or customerClass whose agreements are meant.';
    return refuse('SCOPE_MISSING', message, ['agreementIds']);
  }
  if (agreementIds !== null) return accept({ agreementIds: [...new Set(agreementIds)] });
  if (tariffId !== null) {
    const tariff = await findTariff(tx, { companyId: viewer.companyId, tariffId });
    if (tariff === null) {
      return refuse('TARIFF_NOT_FOUND', 'There is no such tariff. Check its id.', ['tariffId']);
    }
  }
  return accept({ tariffId, customerClass });
}

function checkCount(
  scope: SimulationScope,
  count: number,
): Outcome<null, 'AGREEMENT_NOT_FOUND' | 'SIMULATION_EMPTY' | 'SIMULATION_TOO_LARGE'> {
  if (count > simulationAgreementsMax) {
    const message = `A simulation has at most ${simulationAgreementsMax} agreements. Choose fewer.`;
    return refuse('SIMULATION_TOO_LARGE', message, ['agreementIds']);
  }
  if ('agreementIds' in scope && count < scope.agreementIds.length) {
    const missing = scope.agreementIds.length - count;
    const message = `${missing} of the agreements are not there. Check their ids.`;
    return refuse('AGREEMENT_NOT_FOUND', message, ['agreementIds']);
  }
  if (count > 0) return accept(null);
  const message = 'No agreement was valid in these months under what you asked for. Widen it.';
  return refuse('SIMULATION_EMPTY', message, ['agreementIds']);
}

async function request(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: Request,
): Promise<Outcome<KeyedAnswer, SimulateTariffCode>> {
  const { companyId, actor } = viewer;
  const months = parseMonths(input);
  if (!months.ok) return months;
  const draft = await findDraft(tx, input);
  if (!draft.ok) return draft;
  const scope = await findScope(tx, viewer, input);
  if (!scope.ok) return scope;
  if ((await countOpenSimulations(tx, companyId)) >= simulationsOpenMax) {
    const message = `${simulationsOpenMax} simulations are not done yet. Wait, or cancel one.`;
    return refuse('SIMULATIONS_TOO_MANY', message);
  }
  const { from, through } = months.value;
  const agreementIds = await chooseAgreements(tx, {
    companyId,
    scope: scope.value,
    // A zone may be a day away from UTC; who was not valid after all is refused by name later.
    fromMs: startOfMonthMs('UTC', from),
    toMs: startOfMonthMs('UTC', through + 1),
    limit: simulationAgreementsMax,
  });
  const count = agreementIds.length;
  const checked = checkCount(scope.value, count);
  if (!checked.ok) return checked;
  const id = derivedId('simulation', String(companyId), actor, input.idempotencyKey.toLowerCase());
  const simulation = {
    id,
    companyId,
    requestedBy: actor,
    requestedAtMs: nowMs,
    document: draft.value.document,
    tariffVersionId: input.tariffVersionId,
    currency: draft.value.currency,
    fromMonth: monthText(from),
    throughMonth: monthText(through),
  };
  await insertSimulation(tx, simulation, agreementIds);
  await insertAudit(tx, {
    id: derivedId('audit', 'simulation', id),
    companyId,
    atMs: nowMs,
    actor,
    action: 'tariff.simulate',
    subject: `simulation/${id}`,
    before: null,
    after: { from: monthText(from), through: monthText(through), agreements: count },
  });
  const progress = { state: 'waiting', doneCount: 0, agreementCount: count } as const;
  await appendProgress(tx, { companyId, simulationId: id, atMs: nowMs }, progress);
  return accept({ simulationId: id, agreementCount: String(count) });
}

function inputTexts(input: SimulateTariffInput): readonly string[] {
  const { agreementIds, tariffId, tariffVersionId, customerClass } = input;
  return [
    JSON.stringify(input.document ?? null),
    String(tariffVersionId),
    agreementIds?.join(',') ?? 'all',
    String(tariffId),
    String(customerClass),
    input.fromMonth,
    input.throughMonth,
  ];
}

/**
 * Asks for a draft tariff to be rated over the history of some agreements. The answer is the
 * simulation, which a worker works off; nothing is ever posted for it.
 */
export async function simulateTariff(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: SimulateTariffInput,
): Promise<Outcome<RequestedSimulation, SimulateTariffCode>> {
  if (!isAllowed(viewer.role, 'Mutation.simulateTariff')) {
    return refuse('NOT_PERMITTED', 'Your role may not simulate a tariff. Ask an administrator.');
  }
  const nowMs = clock.nowMs();
  const { idempotencyKey: key } = input;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      { viewer, key, operation: 'simulateTariff', input: inputTexts(input), nowMs },
      () => request(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    wake({ kind: 'simulations' });
    wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  }
  return accept({
    simulationId: textOf(answer, 'simulationId'),
    agreementCount: Number(textOf(answer, 'agreementCount')),
    isReplay,
  });
}
