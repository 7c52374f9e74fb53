import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { insertKeypad, lockKeypad, setUnitPrice } from '../../db/keypads.ts';
import type { KeypadDevice } from '../../db/keypads.ts';
import { findMeters } from '../../db/meterReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { DeviceKeys, DeviceKeysCode, DeviceKeysOf } from '../../domain/payment/deviceKeys.ts';
import type { SealedKeyCode } from '../../domain/payment/deviceKeys.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';

export type RegisterKeypadInput = {
  readonly meterId: number;
  /** 32 hexadecimal digits, as its maker gives it. */
  readonly key: string;
  /** Up to nine digits. */
  readonly startingCode: number;
  /** Of the last token that the device was given; null: none yet. */
  readonly tokenCount: number | null;
  readonly digits: number;
  /** Of a day or unit, as plain decimal text. */
  readonly unitPrice: string;
  readonly currency: string;
};

export type RegisterKeypadCode =
  | AmountCode
  | DeviceKeysCode
  | SealedKeyCode
  | 'NOT_PERMITTED'
  | 'METER_NOT_FOUND'
  | 'DEVICE_KEY_MALFORMED'
  | 'STARTING_CODE_MALFORMED'
  | 'TOKEN_COUNT_MALFORMED'
  | 'TOKEN_DIGITS_UNSUPPORTED'
  | 'KEYPAD_EXISTS';

export type RegisteredKeypad = {
  readonly meterId: number;
  /** It was there with all of this: nothing is new. */
  readonly isReplay: boolean;
};

/** A starting count of 1 is what the published sample devices have. */
const firstCount = 1;
/** A token of a count takes as many hashes as the count: a token a day for 270 years. */
const tokenCountMax = 100_000;

type Read = Omit<KeypadDevice, 'sealedKey' | 'companyId' | 'carriedMicros'> & {
  readonly key: Uint8Array;
};

function read(input: RegisterKeypadInput): Outcome<Read, RegisterKeypadCode> {
  const { meterId, startingCode, digits, currency } = input;
  const tokenCount = input.tokenCount ?? firstCount;
  if (!/^[0-9a-f]{32}$/i.test(input.key)) {
    const message = 'The key of a device is 32 hexadecimal digits; ask its maker for it.';
    return refuse('DEVICE_KEY_MALFORMED', message, ['key']);
  }
  if (!Number.isInteger(startingCode) || startingCode < 1 || startingCode > 999_999_999) {
    const message = 'A starting code has up to nine digits; it is the device’s own.';
    return refuse('STARTING_CODE_MALFORMED', message, ['startingCode']);
  }
  if (!Number.isInteger(tokenCount) || tokenCount < 0 || tokenCount > tokenCountMax) {
    const message = `The count of the last token is a whole number up to ${tokenCountMax}.`;
    return refuse('TOKEN_COUNT_MALFORMED', message, ['tokenCount']);
  }
  if (digits !== 9 && digits !== 12) {
    const message = 'A device takes tokens of 9 or of 12 digits.';
    return refuse('TOKEN_DIGITS_UNSUPPORTED', message, ['digits']);
  }
  const price = parsePaid({ amount: input.unitPrice, currency });
  if (!price.ok) return { ...price, path: ['unitPrice'] };
  const key = Buffer.from(input.key, 'hex');
  return accept({
    meterId,
    key,
    startingCode,
    tokenCount,
    digits,
    currency,
    unitMicros: price.value,
  });
}

/** The same device, whose price may have changed. */
async function changeKnown(
  tx: Transaction,
  known: KeypadDevice,
  { asked, keys, viewer, nowMs }: { asked: Read; keys: DeviceKeys; viewer: Viewer; nowMs: number },
): Promise<Outcome<RegisteredKeypad, RegisterKeypadCode>> {
  const { meterId, companyId, unitMicros } = known;
  const key = keys.open(known.sealedKey, known);
  if (!key.ok) return key;
  const isSame =
    Buffer.from(key.value).equals(asked.key) &&
    known.startingCode === asked.startingCode &&
    known.digits === asked.digits &&
    known.currency === asked.currency;
  if (!isSame) {
    const message = 'The meter has another keypad device, whose tokens go on. Nothing was changed.';
    return refuse('KEYPAD_EXISTS', message, ['meterId']);
  }
  if (unitMicros === asked.unitMicros) return accept({ meterId, isReplay: true });
  await setUnitPrice(tx, { meterId, unitMicros: asked.unitMicros });
  await insertAudit(tx, {
    id: derivedId('keypad_price', String(meterId), viewer.actor, String(nowMs)),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'keypad.price',
    subject: `meter/${meterId}`,
    before: { unitMicros: unitMicros.toString() },
    after: { unitMicros: asked.unitMicros.toString() },
  });
  return accept({ meterId, isReplay: false });
}

/**
 * Makes a meter's keypad device known, so that payments of its account give tokens. Its key is
 * sealed before it is written, and is in no audit row. Saying it again changes the price alone.
 */
export async function registerKeypad(
  { sql, clock, keysOf }: RequestDeps & { readonly keysOf: DeviceKeysOf },
  viewer: Viewer,
  input: RegisterKeypadInput,
): Promise<Outcome<RegisteredKeypad, RegisterKeypadCode>> {
  if (!isAllowed(viewer.role, 'Mutation.registerKeypad')) {
    return refuse('NOT_PERMITTED', 'Keypad devices are registered by an administrator.');
  }
  const asked = read(input);
  if (!asked.ok) return asked;
  const keys = keysOf(true);
  if (!keys.ok) return keys;
  const nowMs = clock.nowMs();
  const { companyId, actor } = viewer;
  return asViewer(
    sql,
    viewer,
    async (tx): Promise<Outcome<RegisteredKeypad, RegisterKeypadCode>> => {
      const { key, ...device } = asked.value;
      const { meterId } = device;
      const [meter] = await findMeters(tx, [meterId]);
      if (meter === undefined) {
        return refuse('METER_NOT_FOUND', 'There is no such meter.', ['meterId']);
      }
      const sealedKey = keys.value.seal(key, { companyId, meterId });
      const row = { ...device, companyId, sealedKey, carriedMicros: 0n };
      if (!(await insertKeypad(tx, row))) {
        const known = await lockKeypad(tx, meterId);
        if (known === null) throw new Error(`KEYPAD_HIDDEN: meter ${meterId}`);
        return changeKnown(tx, known, { asked: asked.value, keys: keys.value, viewer, nowMs });
      }
      const { startingCode, tokenCount, digits, currency, unitMicros } = device;
      await insertAudit(tx, {
        id: derivedId('keypad_registered', String(meterId)),
        companyId,
        atMs: nowMs,
        actor,
        action: 'keypad.register',
        subject: `meter/${meterId}`,
        before: null,
        after: { startingCode, tokenCount, digits, currency, unitMicros: unitMicros.toString() },
      });
      return accept({ meterId, isReplay: false });
    },
  );
}
