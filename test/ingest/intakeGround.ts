import { generateKeyPairSync } from 'node:crypto';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import { ensureLogPartitions } from '../../src/db/log.ts';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import type { HttpIntake, HttpIntakeOptions } from '../../src/ingest/httpIntake.ts';
import { createIntake } from '../../src/ingest/intake.ts';
import type { Intake, IntakeOptions } from '../../src/ingest/intake.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import type { SigningKey } from '../../src/wire/envelope.ts';
import { decodeReceipt, openReceipt, verifyReceipt } from '../../src/wire/receipt.ts';
import type { Receipt } from '../../src/wire/receipt.ts';
import { makeChain } from '../support/build/chainMaker.ts';
import type { MadeBatch } from '../support/build/chainMaker.ts';
import { buildFleet } from '../support/build/fleet.ts';
import type { BuiltFleet } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const serverKeys = generateKeyPairSync('ed25519');
const rawPublic = serverKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
export const receiptKey: SigningKey = {
  privateKey: serverKeys.privateKey,
  keyId: keyIdOf(rawPublic),
};

/** As node:net says that nobody listens where the database was. */
export const refusedConnection = Object.assign(new Error('connect ECONNREFUSED'), {
  code: 'ECONNREFUSED',
});

/** A signed receipt as its sender reads it. */
export function readReceipt(bytes: Uint8Array): Receipt {
  const envelope = openReceipt(bytes);
  if (!envelope.ok) throw new Error(envelope.message);
  if (!verifyReceipt(envelope.value, serverKeys.publicKey)) throw new Error('not signed by us');
  const receipt = decodeReceipt(envelope.value.payload);
  if (!receipt.ok) throw new Error(receipt.message);
  return receipt.value;
}

export type IntakeGround = {
  readonly database: Database;
  readonly url: string;
  readonly fleet: BuiltFleet;
  readonly reports: string[];
  intake(options?: Partial<IntakeOptions>): Intake;
  /** Its HTTP on a free port, until the ground is closed. */
  listen(
    options: Partial<HttpIntakeOptions> & Pick<HttpIntakeOptions, 'intake'>,
  ): Promise<HttpIntake>;
  /** Chained batches of an epoch that nobody has used. */
  chain(length: number): readonly MadeBatch[];
  commit: IntakeOptions['commit'];
  close(): Promise<void>;
};

export async function openIntakeGround(name: string): Promise<IntakeGround> {
  const { url } = await freshDatabase(name);
  const options = { role: 'joulebook_writer', connectionsMax: 4, name } as const;
  const database = await connect(url, options);
  const { sql } = database;
  const clock = systemBusClock();
  await ensureLogPartitions(sql, { nowMs: clock.nowMs(), days: 1 });
  const fleet = await buildFleet(sql, { meters: 2 });
  const intakes: Intake[] = [];
  const listening: HttpIntake[] = [];
  const reports: string[] = [];
  let epoch = 0;
  const commit: IntakeOptions['commit'] = (carried) => commitBatches({ sql, clock }, carried);
  return {
    database,
    url,
    fleet,
    reports,
    commit,
    intake(given = {}) {
      const intake = createIntake({
        commit,
        clock,
        onCommitted: () => {},
        report: ({ code }) => reports.push(code),
        ...given,
      });
      intakes.push(intake);
      return intake;
    },
    async listen(given) {
      const started = await startHttpIntake({
        key: receiptKey,
        tls: null,
        host: '127.0.0.1',
        port: 0,
        report: ({ code }) => reports.push(code),
        ...given,
      });
      if (!started.ok) throw new Error(started.message);
      listening.push(started.value);
      return started.value;
    },
    chain(length) {
      epoch += 1;
      return makeChain(fleet.edge, { edgeId: fleet.edgeId, epoch, length });
    },
    async close() {
      await Promise.all(listening.map((each) => each.close()));
      await Promise.all(intakes.map((intake) => intake.stop()));
      await database.close();
    },
  };
}
