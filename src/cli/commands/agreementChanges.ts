import { randomUUID } from 'node:crypto';
import { listHeldAgreements } from '../../db/modeChanges.ts';
import type { HeldAgreement } from '../../db/modeChanges.ts';
import { asViewer } from '../../db/viewer.ts';
import { parseAgreementId } from '../../domain/ids.ts';
import type { AccountId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText, parseInstant } from '../../domain/time/instantText.ts';
import { changeBeginsMs } from '../../operations/prepaid/agreementChange.ts';
import { changeAccount } from '../../operations/prepaid/changeAccount.ts';
import { changeMode } from '../../operations/prepaid/changeMode.ts';
import { takeBackChange } from '../../operations/prepaid/takeBackChange.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { Desk } from '../moneyDesk.ts';
import { oneOf } from './listDecisions.ts';
import type { AccountOptions, Keyed } from './prepaidLife.ts';

type ChangeOptions = AccountOptions &
  Keyed & {
    readonly mode: string;
    readonly place: string | undefined;
    readonly at: string | undefined;
    readonly balanceLimit: string | undefined;
    readonly reconnectLevel: string | undefined;
  };
export type ModeOptions = ChangeOptions;

function isUntil({ validFrom, validTo }: HeldAgreement, atMs: number): boolean {
  return validFrom.getTime() < atMs && (validTo === null || validTo.getTime() >= atMs);
}

/** At the one place, or at the one that was named: the agreement that is meant, or the latest. */
function chosen(
  held: readonly HeldAgreement[],
  { account, place }: Pick<ChangeOptions, 'account' | 'place'>,
  isMeant: (each: HeldAgreement) => boolean,
): Outcome<HeldAgreement, 'AGREEMENT_NOT_FOUND' | 'AGREEMENT_AMBIGUOUS'> {
  const wanted = held.filter((each) => place === undefined || each.servicePointName === place);
  const [latest] = wanted;
  if (latest === undefined) {
    return refuse('AGREEMENT_NOT_FOUND', `${account} has no agreement there. Check --place.`);
  }
  const places = new Set(wanted.map(({ servicePointName }) => servicePointName));
  if (places.size === 1) return accept(wanted.find(isMeant) ?? latest);
  const message = `${account} has several places: ${[...places].join(', ')}. Give --place.`;
  return refuse('AGREEMENT_AMBIGUOUS', message);
}

/** The agreement that the options name, and what it is changed to. */
async function readChange(options: ChangeOptions, { deps, viewer }: Desk, accountId: AccountId) {
  const mode = oneOf('--mode', ['prepaid', 'postpaid'] as const, options.mode);
  if (mode === null) throw new Misused('give --mode');
  const at = options.at === undefined ? accept(null) : parseInstant(options.at);
  if (!at.ok) return at;
  const nowMs = deps.clock.nowMs();
  const held = await asViewer(deps.sql, viewer, (tx) =>
    listHeldAgreements(tx, { accountId, nowMs }),
  );
  const atMs = changeBeginsMs(at.value, nowMs);
  // The one that a change at the instant ends, so that the same again finds the same.
  const found = chosen(held, options, (each) => isUntil(each, atMs));
  if (!found.ok) return found;
  const agreementId = parseAgreementId(found.value.id);
  if (!agreementId.ok) return agreementId;
  const { balanceLimit, reconnectLevel, reason, key } = options;
  return accept({
    idempotencyKey: key ?? randomUUID(),
    agreementId: agreementId.value,
    mode,
    atMs: at.value,
    reason,
    ...(balanceLimit !== undefined && { balanceLimit }),
    ...(reconnectLevel !== undefined && { reconnectLevel }),
  });
}

/** From paying before to paying after, or back. */
export async function changeAccountMode(options: ModeOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async (desk): Promise<Answer> => {
    const change = await readChange(options, desk, account.value);
    if (!change.ok) return change;
    const done = await changeMode(desk.deps, desk.viewer, change.value);
    if (!done.ok) return done;
    const { endedId, nextId, atMs, isReplay } = done.value;
    const { mode } = change.value;
    const begins = instantText(atMs);
    const sentence = `${options.account} is ${mode} from ${begins} on; the balance goes on.`;
    const facts = { mode, at: begins, agreementId: endedId, nextAgreementId: nextId, isReplay };
    return accept({ sentence, facts });
  });
}

export type PassOnOptions = ChangeOptions & { readonly to: string };

/** Somebody moves out, and somebody else in. */
export async function passPlaceOn(options: PassOnOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const coming = await deskAccount({ ...options, account: options.to });
  if (!coming.ok) return coming;
  return atDesk(options, 'operator', async (desk): Promise<Answer> => {
    const change = await readChange(options, desk, account.value);
    if (!change.ok) return change;
    const asked = { ...change.value, accountId: coming.value };
    const done = await changeAccount(desk.deps, desk.viewer, asked);
    if (!done.ok) return done;
    const { endedId, nextId, atMs, isReplay } = done.value;
    const begins = instantText(atMs);
    const sentence =
      `From ${begins} on the place of ${options.account} is ${options.to}'s, ` +
      `${asked.mode}; each balance stays with its account.`;
    const { mode } = asked;
    const facts = { mode, at: begins, agreementId: endedId, nextAgreementId: nextId, isReplay };
    return accept({ sentence, facts });
  });
}

export type TakeBackOptions = AccountOptions & Keyed & { readonly place: string | undefined };

/** The last change that is recorded of an account's place does not come. */
export async function takeChangeBack(options: TakeBackOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const nowMs = deps.clock.nowMs();
    const held = await asViewer(deps.sql, viewer, (tx) =>
      listHeldAgreements(tx, { accountId: account.value, nowMs }),
    );
    const found = chosen(held, options, ({ isChanged }) => isChanged);
    if (!found.ok) return found;
    const agreementId = parseAgreementId(found.value.id);
    if (!agreementId.ok) return agreementId;
    const idempotencyKey = options.key ?? randomUUID();
    const { reason } = options;
    const asked = { idempotencyKey, agreementId: agreementId.value, reason };
    const done = await takeBackChange(deps, viewer, asked);
    if (!done.ok) return done;
    const { isReplay } = done.value;
    const sentence = `The agreement of ${options.account} goes on; the change does not come.`;
    return accept({ sentence, facts: { agreementId: done.value.agreementId, isReplay } });
  });
}
