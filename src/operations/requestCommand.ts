import { insertAudit } from '../db/audit.ts';
import { insertCommand, readMeterSupplies } from '../db/commands.ts';
import type { MeterSupply } from '../db/commands.ts';
import type { Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { lockAccounts } from '../db/ledger.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import type { SwitchKind } from '../domain/command/supplyPolicy.ts';
import type { MeterId } from '../domain/ids.ts';
import { manualCommandMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { appendCommandEvent } from './reviewSupply.ts';
import { refuseReason } from './refuseReason.ts';

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

function checkSupply(meter: MeterSupply, kind: SwitchKind): Refused<RequestCommandCode> | null {
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
  const isAtLimit =
    facts !== null && facts.mode === 'prepaid' && facts.balanceMicros <= facts.balanceLimitMicros;
  if (kind === 'reconnect' && isAtLimit) {
    return refuse(
      'BALANCE_AT_LIMIT',
      'The prepaid balance is at its limit: the supply would be cut again. Top up first.',
    );
  }
  return null;
}

/** The meter as it stands under its account's lock. */
async function lockMeter(
  tx: Transaction,
  query: { companyId: number; meterId: number; nowMs: number },
): Promise<MeterSupply | null> {
  const [seen] = await readMeterSupplies(tx, query);
  if (seen === undefined) return null;
  if (seen.accountId === null) return seen;
  await lockAccounts(tx, { companyId: query.companyId, accountIds: [seen.accountId] });
  const [locked] = await readMeterSupplies(tx, query);
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
    after: { commandId, kind, reason },
  });
  const news = { commandId, companyId, meterId, accountId, kind, cause, atMs: nowMs } as const;
  // Not the reason: it may name a person, and events reach the subscriber.
  await appendCommandEvent(tx, { ...news, state: 'requested', detail: 'MANUAL' });
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
