import { insertAudit } from '../db/audit.ts';
import { readApprovers } from '../db/approvals.ts';
import { insertCommand } from '../db/commands.ts';
import type { Transaction } from '../db/connect.ts';
import { appendEvent, eventShardOf } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { lockAccounts } from '../db/ledger.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { effectiveLimitMicros } from '../domain/command/supplyFacts.ts';
import type { SwitchKind } from '../domain/command/supplyFacts.ts';
import { findingsOf } from '../domain/command/supplyFindings.ts';
import { wouldCutAgain } from '../domain/command/supplyPolicy.ts';
import { formatMicros } from '../domain/exact.ts';
import type { MeterId } from '../domain/ids.ts';
import { approvalMsMax, manualCommandMsMax } from '../domain/command/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { commandEvent } from './reviewSupply.ts';
import { refuseReason } from './refuseReason.ts';
import { protectedCutSubject } from './supply/approve.ts';
import { certify } from './supply/certificate.ts';
import { readSupplies } from './supply/supplyFacts.ts';
import type { KnownSupply } from './supply/supplyFacts.ts';

export type RequestCommandInput = {
  readonly idempotencyKey: string;
  readonly meterId: MeterId;
  readonly kind: SwitchKind;
  /** For the audit, in the requester's words. */
  readonly reason: string;
};

export type RequestCommandCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'METER_NOT_FOUND'
  | 'NO_CONTACTOR'
  | 'COMMAND_OPEN'
  | 'SUPPLY_ALREADY_SO'
  | 'BALANCE_AT_LIMIT'
  | 'SECOND_PERSON_NEEDED'
  | 'REASON_MISSING'
  | 'REASON_TOO_LONG';

export type RequestedCommand = {
  readonly commandId: string;
  readonly meterId: MeterId;
  readonly kind: SwitchKind;
  readonly requestedAtMs: number;
  readonly isReplay: boolean;
};

function refuseMeter(): Refused<'METER_NOT_FOUND'> {
  return refuse('METER_NOT_FOUND', 'You have no such meter. Check its id; nothing was switched.');
}

function checkSupply(meter: KnownSupply, kind: SwitchKind): Refused<RequestCommandCode> | null {
  const { facts, supply } = meter;
  if (!meter.hasContactor) {
    return refuse('NO_CONTACTOR', 'The meter has no contactor: its supply is switched on site.');
  }
  if (meter.openCommandId !== null) {
    return refuse(
      'COMMAND_OPEN',
      `Command ${meter.openCommandId} of this meter is not finished. Wait for its end, ` +
        'then request again if it is still needed.',
    );
  }
  if ((kind === 'disconnect' ? 'disconnected' : 'connected') === supply) {
    return refuse('SUPPLY_ALREADY_SO', `The supply is ${supply} already; nothing was requested.`);
  }
  if (kind === 'reconnect' && facts !== null && wouldCutAgain(facts)) {
    return refuse(
      'BALANCE_AT_LIMIT',
      `The prepaid balance is at its limit of ${formatMicros(effectiveLimitMicros(facts), 2)}: ` +
        'the supply would be cut again. Top up first.',
    );
  }
  return null;
}

/**
 * Who else agrees to the cut of a protected customer; nobody does it alone. Null: nobody needs to.
 */
async function secondPerson(
  tx: Transaction,
  { companyId, actor }: Viewer,
  { meter, kind, nowMs }: { meter: KnownSupply; kind: SwitchKind; nowMs: number },
): Promise<Outcome<string | null, 'SECOND_PERSON_NEEDED'>> {
  const [protection] = meter.facts?.protections ?? [];
  if (kind === 'reconnect' || protection === undefined) return accept(null);
  const subject = protectedCutSubject(companyId, meter);
  const people = await readApprovers(tx, { companyId, subject, sinceMs: nowMs - approvalMsMax });
  const other = people.find((person) => person !== actor);
  if (other !== undefined) return accept(other);
  return refuse(
    'SECOND_PERSON_NEEDED',
    `The customer is protected (${protection.kind}): another person has to agree first, within ` +
      'a day, by approveDisconnect; then request again. Nothing was switched.',
  );
}

/** The meter as it stands under its account's lock. */
async function lockMeter(
  tx: Transaction,
  query: { companyId: number; meterId: number; nowMs: number },
): Promise<KnownSupply | null> {
  const [seen] = await readSupplies(tx, query);
  if (seen === undefined) return null;
  if (seen.accountId === null) return seen;
  await lockAccounts(tx, { companyId: query.companyId, accountIds: [seen.accountId] });
  const [locked] = await readSupplies(tx, query);
  return locked ?? null;
}

async function request(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: RequestCommandInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, RequestCommandCode>> {
  const { companyId } = viewer;
  const { meterId, kind } = input;
  const meter = await lockMeter(tx, { companyId, meterId, nowMs });
  if (meter === null) return refuseMeter();
  const refused = checkSupply(meter, kind);
  if (refused !== null) return refused;
  const second = await secondPerson(tx, viewer, { meter, kind, nowMs });
  if (!second.ok) return second;
  const key = input.idempotencyKey.toLowerCase();
  const commandId = derivedId('command', String(companyId), viewer.actor, key);
  const { accountId } = meter;
  const cause = 'manual';
  const reason = input.reason.trim();
  const isNew = await insertCommand(tx, {
    id: commandId,
    companyId,
    meterId,
    accountId,
    kind,
    limitW: null,
    cause,
    reason,
    requestedBy: viewer.actor,
    requestedAtMs: nowMs,
    notAfterMs: nowMs + manualCommandMsMax,
  });
  if (!isNew) {
    return refuse('COMMAND_OPEN', 'Another command of this meter was requested just now. Wait.');
  }
  await insertAudit(tx, {
    id: derivedId('audit', commandId),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'command.request',
    subject: `meter/${meterId}`,
    before: { supply: meter.supply },
    after: { commandId, kind, reason, approvedBy: second.value },
  });
  const command = { commandId, companyId, meterId, accountId, kind, cause } as const;
  const { facts, policyId } = meter;
  const people = second.value === null ? [viewer.actor] : [viewer.actor, second.value];
  const findings = facts === null ? [] : findingsOf(facts);
  // The words of the reason stand in the audit: they may name a person.
  const why = { reason: 'MANUAL', people, policyId, facts, findings };
  await certify(tx, { ...command, ...why }, { stage: 'requested', atMs: nowMs });
  const news = { ...command, atMs: nowMs };
  // Not the reason: it may name a person, and events reach the subscriber.
  await appendEvent(tx, commandEvent({ ...news, state: 'requested', detail: 'MANUAL' }));
  return accept({ commandId, requestedAtMs: nowMs.toString() });
}

/** Asks for a supply to be switched, once for the key. The device is told after the commit. */
export async function requestCommand(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: RequestCommandInput,
): Promise<Outcome<RequestedCommand, RequestCommandCode>> {
  const rule =
    input.kind === 'disconnect' ? 'Mutation.requestDisconnect' : 'Mutation.requestReconnect';
  if (!isAllowed(viewer.role, rule)) {
    return refuse(
      'NOT_PERMITTED',
      'Your role may not switch a supply. A prepaid one comes back by itself after a top-up.',
    );
  }
  const refusedReason = refuseReason(input.reason);
  if (refusedReason !== null) return refusedReason;
  const nowMs = clock.nowMs();
  const { meterId, kind } = input;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'requestCommand',
        input: [String(meterId), kind, input.reason],
        nowMs,
      },
      () => request(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) {
    wake({ kind: 'commands' });
    wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  }
  return accept({
    commandId: textOf(answer, 'commandId'),
    meterId,
    kind,
    requestedAtMs: Number(textOf(answer, 'requestedAtMs')),
    isReplay,
  });
}
