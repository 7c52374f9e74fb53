import type { KeyObject } from 'node:crypto';
import { roles } from '../../domain/access/viewer.ts';
import type { Role } from '../../domain/access/viewer.ts';
import { tokenHoursMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { hourMs } from '../../domain/time/civil.ts';
import { issueToken, tokenRealm } from '../../operations/issueToken.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { rawPublicKey, readKeyFile, readStartKey, tokenKeyFile } from '../keyFile.ts';
import type { KeyCode } from '../keyFile.ts';
import { tokenViewer } from '../viewer.ts';

export type TokenOptions = {
  /** PEM; not needed beside `data`. */
  readonly key: string | undefined;
  readonly role: string;
  readonly company: string;
  readonly account: string | undefined;
  readonly partner: boolean;
  readonly hours: string;
  readonly database: string | undefined;
  readonly data?: string | undefined;
};

function roleOf({ role, account }: TokenOptions): Role {
  const known = roles.find((each) => each === role);
  if (known === undefined) throw new Misused(`"${role}" is no role; roles are ${roles.join(', ')}`);
  if ((known === 'subscriber') !== (account !== undefined)) {
    throw new Misused(
      '--account NUMBER is for --role subscriber, which needs it, and for no other',
    );
  }
  return known;
}

function hoursOf(text: string): number {
  const [digits = null] = /^\d{1,4}(\.\d{1,4})?$/.exec(text) ?? [];
  const hours = digits === null ? 0 : Number(digits);
  if (hours <= 0 || hours > tokenHoursMax) {
    throw new Misused(`--hours is above 0 and at most ${tokenHoursMax}, not "${text}"`);
  }
  return hours;
}

/** The key whose tokens the API takes: a file's, or that of the start in a data directory. */
function signingKey({
  key: file,
  data,
}: TokenOptions): Outcome<KeyObject, KeyCode | 'TOKEN_KEY_FOREIGN'> {
  if (data === undefined) {
    if (file === undefined) throw new Misused('give --key FILE, or --data DIR of an npm start');
    return readKeyFile(file);
  }
  const own = readStartKey(data, tokenKeyFile);
  if (!own.ok || file === undefined) return own;
  const given = readKeyFile(file);
  if (!given.ok) return given;
  const isOwn = Buffer.from(rawPublicKey(given.value)).equals(rawPublicKey(own.value));
  if (isOwn) return given;
  const message =
    `The npm start of ${data} would refuse a token of ${file}: it takes those of its own key, ` +
    'of any of its companies. Leave --key out.';
  return refuse('TOKEN_KEY_FOREIGN', message);
}

export async function makeToken(options: TokenOptions): Promise<Answer> {
  const role = roleOf(options);
  const lifetimeMs = Math.round(hoursOf(options.hours) * hourMs);
  const key = signingKey(options);
  if (!key.ok) return key;
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const { company, account, partner: isPartner } = options;
    const viewer = await tokenViewer(sql, { company, account, role, isPartner });
    if (!viewer.ok) return viewer;
    const nowMs = Date.now();
    const signer = { privateKey: key.value, ...tokenRealm };
    const token = await issueToken(signer, { viewer: viewer.value, nowMs, lifetimeMs });
    const expiresAt = new Date(nowMs + lifetimeMs).toISOString();
    return accept({ sentence: token, facts: { token, expiresAt, actor: viewer.value.actor } });
  });
}
