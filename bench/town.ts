import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClosing } from '../src/app/closing.ts';
import { readConfig } from '../src/app/config.ts';
import { createLog } from '../src/app/log.ts';
import type { Parts } from '../src/app/parts.ts';
import { openParts } from '../src/app/startAll.ts';
import { startApi } from '../src/app/startApi.ts';
import { startIngest } from '../src/app/startIngest.ts';
import { startIntake } from '../src/app/startIntake.ts';
import { startWorker } from '../src/app/startWorker.ts';
import { connect } from '../src/db/connect.ts';
import { takeEpoch } from '../src/db/edges.ts';
import type { Viewer } from '../src/domain/access/viewer.ts';
import { assert } from '../src/domain/assert.ts';
import type { AccountId, CompanyId, EdgeId } from '../src/domain/ids.ts';
import type { Outcome } from '../src/domain/outcome.ts';
import { startMeterWorld } from '../src/embedded/meterWorld.ts';
import type { MeterWorld } from '../src/embedded/meterWorld.ts';
import { addChannel } from '../src/operations/payments/addChannel.ts';
import { startPayment } from '../src/operations/payments/startPayment.ts';
import { publishPolicy } from '../src/operations/prepaid/publishPolicy.ts';
import { registerFleet } from '../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../src/operations/registerFleet.ts';
import { providersWith } from '../src/providers/paymentProviders.ts';
import { billingKeysFile, openFileSigner } from '../src/signers/fileSigner.ts';
import { BatchMaker, testEdge } from '../test/support/build/edge.ts';
import type { TestEdge } from '../test/support/build/edge.ts';
import { startStripeServer } from '../test/providers/stripeServer.ts';
import type { StripeServer } from '../test/providers/stripeServer.ts';
import type { Place } from './place.ts';
import { townFleet } from './townFleet.ts';

export type TownSize = {
  /** Prepaid, each with a simulated meter and contactor behind a Modbus bus. */
  readonly homes: number;
  readonly homesPerBus: number;
  /** Prepaid with much credit; a gateway reads their meters. */
  readonly neighbours: number;
  readonly pollMs: number;
};

export type Home = {
  readonly accountId: AccountId;
  readonly meterId: number;
  readonly busIndex: number;
  readonly unitId: number;
};

/** What a provider will tell of a payment that a customer has begun. */
export type Paid = { readonly body: string };

/** The roles of `npm start` in one process, over a world of meters that is cut and connected. */
export type Town = {
  readonly databaseUrl: string;
  readonly companyId: CompanyId;
  readonly world: MeterWorld;
  readonly homes: readonly Home[];
  readonly neighbours: readonly { readonly accountId: AccountId; readonly meterId: number }[];
  readonly gateway: BatchMaker;
  readonly intakeUrl: string;
  readonly webhookUrl: string;
  /** Begins a payment at the provider, as an app does; it is paid when its message is sent. */
  begin(accountId: AccountId): Promise<Paid>;
  /** The provider's signature of a message, of this second. */
  sign(paid: Paid): string;
  close(): Promise<void>;
};

const amount = '5.00';
const currency = 'EUR';
/** Of the demonstration too: a meter uses in a minute what it would use in an hour. */
const timeScale = 60;

/** Nothing stands between a balance at its limit and the cut: cuts are not what is measured. */
const policy = {
  name: 'standard',
  protectedHours: [],
  weather: null,
  notice: null,
  breaker: { cutsMax: 10_000, minutes: 10 },
};

function valueOf<T>(outcome: Outcome<T, string>): T {
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome.value;
}

function found<T>(value: T | undefined): T {
  assert(value !== undefined, 'what was declared is registered');
  return value;
}

function viewerOf(companyId: CompanyId, role: Viewer['role'], accountId: AccountId | null): Viewer {
  return { companyId, role, accountId, actor: `bench:${role}`, persistedOnly: false };
}

function homesOf(world: MeterWorld, fleet: RegisteredFleet): readonly Home[] {
  return world.buses.flatMap((bus, busIndex) =>
    bus.meters.map(({ serial, unitId }) => ({
      accountId: found(fleet.accounts.get(`A-${serial}`)),
      meterId: found(fleet.meters.get(serial)),
      busIndex,
      unitId,
    })),
  );
}

function neighboursOf(count: number, fleet: RegisteredFleet): Town['neighbours'] {
  return Array.from({ length: count }, (_, index) => ({
    accountId: found(fleet.accounts.get(`B-${index + 1}`)),
    meterId: found(fleet.meters.get(`N${index + 1}`)),
  }));
}

type Till = Pick<Town, 'begin' | 'sign'> & { readonly channelId: number };

/** The company's policy, and its card channel with the secret in its place. */
async function openTill(
  parts: Parts,
  {
    companyId,
    stripe,
    directory,
  }: { companyId: CompanyId; stripe: StripeServer; directory: string },
): Promise<Till> {
  const { databaseUrl, closing, clock } = parts;
  const office = await connect(databaseUrl, {
    role: 'joulebook_api',
    connectionsMax: 2,
    name: 'office',
  });
  closing.add('office', () => office.close());
  const wake: Parts['bells']['wake'] = (bell) => parts.bells.wake(bell);
  const providerOf = providersWith({ dataDirectory: directory, env: {} });
  const deps = { sql: office.sql, clock, wake, providerOf };
  const administrator = viewerOf(companyId, 'administrator', null);
  const reason = 'the town begins';
  const told = { idempotencyKey: randomUUID(), validFromMs: 0, document: policy, reason };
  valueOf(await publishPolicy(deps, administrator, told));
  const settings = { apiBase: stripe.apiBase };
  const channel = { name: 'card', kind: 'stripe', currency, settings } as const;
  const channelId = valueOf(await addChannel(deps, administrator, channel));
  const { apiKey, webhookSecret } = stripe;
  writeFileSync(
    join(directory, `payment-channel-${channelId}.json`),
    JSON.stringify({ apiKey, webhookSecret }),
    { mode: 0o600 },
  );
  return {
    channelId,
    begin: async (accountId) => {
      const payment = { idempotencyKey: randomUUID(), accountId, channelId, amount, currency };
      const viewer = viewerOf(companyId, 'subscriber', accountId);
      const { clientSecret } = valueOf(await startPayment(deps, viewer, payment));
      const [intent = ''] = (clientSecret ?? '').split('_secret_');
      return { body: stripe.event('payment_intent.succeeded', stripe.pay(intent)) };
    },
    sign: ({ body }) => stripe.sign(body, { atMs: Date.now() }),
  };
}

type Doors = Pick<Town, 'intakeUrl'> & { readonly origin: string };

/** As `startAll` does it, without the broker: worker, head-end, intake and API. */
async function startRoles(
  parts: Parts,
  { head, edgeId, directory }: { head: TestEdge; edgeId: EdgeId; directory: string },
): Promise<Doors> {
  const signer = valueOf(openFileSigner(join(directory, billingKeysFile)));
  const sealing = { signer, dataPath: directory };
  await startWorker(parts, { sealing, sender: null, dataDirectory: directory });
  const lineOptions = { registerPace: timeScale };
  await startIngest(parts, { edgeId, key: head, brokerUrl: null, lineOptions });
  const anyPort = { host: '127.0.0.1', port: 0, isPortAsked: true };
  const key = testEdge().privateKey;
  const intake = valueOf(await startIntake(parts, { ...anyPort, tls: null, key }));
  const { privateKey } = generateKeyPairSync('ed25519');
  const api = valueOf(
    await startApi(parts, {
      ...anyPort,
      keys: { privateKey, publicKey: createPublicKey(privateKey) },
      sandbox: false,
      officeKey: null,
      dataDirectory: directory,
      readReports: null,
    }),
  );
  return { intakeUrl: intake.url, origin: api.origin };
}

async function openTown(
  place: Place,
  { name, size, directory }: { name: string; size: TownSize; directory: string },
  closing: Parts['closing'],
): Promise<Omit<Town, 'close'>> {
  const databaseUrl = await place.freshDatabase(name);
  const config = valueOf(readConfig(['all'], {}));
  const log = createLog({ kind: 'file', path: join(directory, 'joulebook.log') });
  const stripe = await startStripeServer();
  closing.add('card provider', () => stripe.close());
  const parts = await openParts({ config, closing }, databaseUrl, log);
  const world = await startMeterWorld({
    meters: size.homes,
    metersPerBus: size.homesPerBus,
    seed: 1,
    clock: parts.clock,
    timeScale,
  });
  closing.add('simulated meters', () => world.close());
  const head = testEdge();
  const gate = testEdge();
  const declared = townFleet(world, { head, gate, timeScale, ...size });
  const fleet = valueOf(
    await registerFleet({ sql: parts.writer.sql, clock: parts.clock }, declared),
  );
  const { companyId } = fleet;
  const till = await openTill(parts, { companyId, stripe, directory });
  const edgeId = found(fleet.edges.get('head-end')).edgeId;
  const { intakeUrl, origin } = await startRoles(parts, { head, edgeId, directory });
  const gateId = found(fleet.edges.get('gateway')).edgeId;
  const epoch = await takeEpoch(parts.writer.sql, gateId);
  return {
    databaseUrl,
    companyId,
    world,
    homes: homesOf(world, fleet),
    neighbours: neighboursOf(size.neighbours, fleet),
    gateway: new BatchMaker(gate, { edgeId: gateId, epoch, compression: 'zstd' }),
    intakeUrl,
    webhookUrl: `${origin}/v1/payments/${till.channelId}/events`,
    begin: till.begin,
    sign: till.sign,
  };
}

export async function startTown(
  place: Place,
  { name, size }: { name: string; size: TownSize },
): Promise<Town> {
  const closing = createClosing();
  const directory = mkdtempSync(join(tmpdir(), 'joulebook-bench-town-'));
  closing.add('data directory', () => rmSync(directory, { recursive: true, force: true }));
  const close = async () => {
    for (const problem of await closing.closeAll()) place.onProgress(problem);
  };
  try {
    return { ...(await openTown(place, { name, size, directory }, closing)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
