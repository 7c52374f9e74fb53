import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { keyIdOf } from '../db/fleet.ts';
import { readHeads } from '../db/series.ts';
import { assert } from '../domain/assert.ts';
import { importChannel } from '../domain/channel.ts';
import type { AccountId, CompanyId, EdgeId } from '../domain/ids.ts';
import type { DataDirectory } from '../embedded/dataDirectory.ts';
import { startMeterWorld } from '../embedded/meterWorld.ts';
import type { MeterWorld } from '../embedded/meterWorld.ts';
import { registerFleet } from '../operations/registerFleet.ts';
import { registerPersistedOperation } from '../operations/registerPersistedOperation.ts';
import { topUp } from '../operations/topUp.ts';
import type { SigningKey } from '../wire/envelope.ts';
import { demoAccounts, demoEdge, demoFleet, demoTimeScale } from './demoFleet.ts';
import type { DemoAccount } from './demoFleet.ts';
import { publishDemoPolicy } from './demoPolicy.ts';
import { demoViewer } from './demoTokens.ts';
import { openDatabase } from './parts.ts';
import type { Parts } from './parts.ts';

const metersPerBus = 10;
const worldSeed = 2026;
const stateName = 'world';
const saveEveryMs = 2_000;

export type Demo = {
  readonly world: MeterWorld;
  readonly companyId: CompanyId;
  readonly edgeId: EdgeId;
  readonly edgeKey: SigningKey;
  readonly accounts: readonly (DemoAccount & {
    readonly accountId: AccountId;
    readonly meterId: number;
  })[];
  /** Id of the document that the partner's token may send. */
  readonly partnerOperation: string;
};

/** The Ed25519 key of that name, made and kept (0600) in the data directory the first time. */
export function demoKey(directory: DataDirectory, name: string): KeyObject {
  const der = directory.secret(name, () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    return privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  });
  if (!der.ok) throw new Error(`${der.code}: ${der.message}`);
  return createPrivateKey({
    key: Buffer.from(der.value, 'base64'),
    format: 'der',
    type: 'pkcs8',
  });
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return Uint8Array.from(der.subarray(-32)); // RFC 8410, 4: the key is what the DER ends with
}

const savedShape = z.object({ meters: z.array(z.unknown()) });

/** A meter that was billed once goes on to exist: a data directory's world grows, if anything. */
export function demoMeterCount(directory: DataDirectory, asked: number): number {
  const saved = savedShape.safeParse(directory.readState(stateName));
  return saved.success ? Math.max(asked, saved.data.meters.length) : asked;
}

/** Simulated meters as real Modbus servers; their registers go on where the last start ended. */
export async function startDemoMeters(
  directory: DataDirectory,
  { meters, closing, clock }: Pick<Parts, 'closing' | 'clock'> & { meters: number },
): Promise<MeterWorld> {
  const saved = directory.readState(stateName);
  const world = await startMeterWorld({
    meters,
    metersPerBus,
    seed: worldSeed,
    clock,
    timeScale: demoTimeScale,
    timeZone: 'Europe/Berlin',
    ...(saved !== undefined && { startState: saved }),
  });
  const save = (): void => directory.writeState(stateName, world.snapshot());
  const timer = setInterval(save, saveEveryMs);
  closing.add('simulated meters', async () => {
    clearInterval(timer);
    save();
    await world.close();
  });
  return world;
}

/** After a hard stop the saved registers may be older than what was billed: never go back. */
async function catchUpRegisters(
  world: MeterWorld,
  parts: Parts,
  meters: ReadonlyMap<string, number>,
): Promise<void> {
  const heads = await readHeads(parts.writer.sql, {
    meterIds: [...meters.values()],
    channel: importChannel,
  });
  const billed = new Map(heads.map((head) => [head.meterId, head.lastValueWh]));
  for (const [busIndex, bus] of world.buses.entries()) {
    for (const { serial, unitId } of bus.meters) {
      const lastWh = billed.get(meters.get(serial) ?? 0) ?? 0n;
      if (world.registerWh(busIndex, unitId) < lastWh) {
        world.setRegisterWh(busIndex, unitId, lastWh);
      }
    }
  }
}

/** A UUID of version 8 that the same account gets at every start: its first payment is one. */
function openingKey(number: string): string {
  const hex = createHash('sha256').update(`opening credit ${number}`).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** All have plenty but the fifth: it runs out within a minute at any load, to show a cut-off. */
function openingAmount(index: number): string {
  return index === 4 ? '0.01' : `${5 + ((index * 37) % 40)}.00`;
}

const partnerDocument = `query Balances($first: Int) {
  accounts(first: $first) { edges { node { number balance { amount currency } } } }
}`;

/** Registers the demonstration's company and gives its prepaid customers their first credit. */
export async function registerDemo(
  parts: Parts,
  world: MeterWorld,
  edgeKey: KeyObject,
): Promise<Demo> {
  const { writer, clock, bells } = parts;
  const publicKey = rawPublicKey(edgeKey);
  const registered = await registerFleet(
    { sql: writer.sql, clock },
    demoFleet(world, { publicKey }),
  );
  if (!registered.ok) throw new Error(`${registered.code}: ${registered.message}`);
  const fleet = registered.value;
  await catchUpRegisters(world, parts, fleet.meters);
  const api = await openDatabase(parts, 'joulebook_api', 'demonstration');
  const accounts = demoAccounts(world).map((account) => {
    const accountId = fleet.accounts.get(account.number);
    const meterId = fleet.meters.get(account.serial);
    assert(accountId !== undefined, `account ${account.number} is registered`);
    assert(meterId !== undefined, `meter ${account.serial} is registered`);
    return { ...account, accountId, meterId };
  });
  const { companyId } = fleet;
  const [{ accountId }] = accounts;
  const deps = {
    sql: api.sql,
    clock,
    wake: (bell: Parameters<typeof bells.wake>[0]) => bells.wake(bell),
  };
  await publishDemoPolicy(deps, demoViewer('administrator', { companyId, accountId }));
  const operator = demoViewer('operator', { companyId, accountId });
  await Promise.all(
    accounts.map(async (account, index) => {
      if (account.mode !== 'prepaid') return;
      const paid = await topUp(deps, operator, {
        idempotencyKey: openingKey(account.number),
        accountId: account.accountId,
        amount: openingAmount(index),
        currency: 'EUR',
      });
      if (!paid.ok) throw new Error(`${paid.code}: ${paid.message}`);
    }),
  );
  const developer = demoViewer('developer', { companyId, accountId });
  const operation = await registerPersistedOperation(deps, developer, {
    name: 'Balances',
    document: partnerDocument,
  });
  if (!operation.ok) throw new Error(`${operation.code}: ${operation.message}`);
  const edge = fleet.edges.get(demoEdge);
  if (edge === undefined) throw new Error('the head-end is registered');
  return {
    world,
    companyId,
    edgeId: edge.edgeId,
    edgeKey: { privateKey: edgeKey, keyId: keyIdOf(publicKey) },
    accounts,
    partnerOperation: operation.value.id,
  };
}
