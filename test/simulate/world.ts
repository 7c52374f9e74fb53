import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Fleet } from '../../src/domain/fleet.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { isShownTwice } from './auditedBill.ts';
import { SeededRandom } from './seededRandom.ts';
import { SupplyLine, behindLine } from './supplyLine.ts';
import { worldTariffs } from './worldTariffs.ts';

/** The ground that a seed lays: edges with keys, meters with loads, agreements, tariffs. */
export type WorldEdge = {
  readonly name: string;
  readonly logShard: number;
  readonly publicKey: Uint8Array;
  readonly keyId: Uint8Array;
  readonly privateKey: KeyObject;
};

export type WorldMeter = {
  readonly serial: string;
  readonly edge: WorldEdge;
  readonly servicePoint: string;
  readonly zone: string;
  readonly powerMaxW: number;
  readonly modulusWh: bigint | null;
  /** Its gateway knows it by this id before it is registered; null: from its registration. */
  readonly ownId: number | null;
  /** Nothing is read from it before. */
  readonly fittedMs: number;
  /** When it was taken off the wall; null: it hangs there. */
  removedMs: number | null;
  /** Null: there is no contactor before it. */
  readonly line: SupplyLine | null;
  /** What the register truly is at an instant that has passed, unwrapped. */
  trueWh(atMs: number): bigint;
};

export type World = {
  readonly startMs: number;
  readonly company: string;
  readonly edges: readonly WorldEdge[];
  /** Those of the beginning; further ones are fitted later. */
  readonly meters: readonly WorldMeter[];
  /** By the unit of their contactor. */
  readonly lines: ReadonlyMap<number, SupplyLine>;
  readonly fleet: Fleet;
  /** Declared while readings flow. */
  readonly lateAgreements: Fleet['agreements'];
  /** Documents for versions that are published while readings flow. */
  readonly laterTariffs: readonly TariffText[];
  /**
   * Gaps are as even as time, so that the auditor can work out each charge. Otherwise the rules of
   * the house fill and judge them, and the replay of the log is what they are compared with.
   */
  readonly isEven: boolean;
};

/** Hours before clocks change or months turn in one of the zones below. */
const starts = [
  '2026-03-28T09:00Z',
  '2026-10-24T09:00Z',
  '2026-03-07T20:00Z',
  '2026-10-31T16:00Z',
  '2026-04-04T03:00Z',
  '2026-10-03T03:00Z',
  '2026-01-30T12:00Z',
  '2028-02-28T06:00Z',
  '2026-12-30T18:00Z',
];

const zones = [
  'Europe/Berlin',
  'America/Los_Angeles',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Asia/Kathmandu',
  'UTC',
];

const hourMs = 3_600_000;
const quarterMs = 900_000;
const hoursAhead = 24 * 120;

/** DER prefix of an Ed25519 private key (RFC 8410, 7): the 32 seed bytes follow. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export function signingKey(random: SeededRandom): KeyObject {
  const der = Buffer.concat([pkcs8Prefix, random.bytes(32)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** With what others know of it. */
export function senderKey(random: SeededRandom) {
  const privateKey = signingKey(random);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(spki.subarray(-32));
  const digest = createHash('sha256').update(publicKey).digest();
  return { publicKey, keyId: Uint8Array.from(digest.subarray(0, 16)), privateKey };
}

function makeEdge(random: SeededRandom, name: string, logShard: number): WorldEdge {
  return { name, logShard, ...senderKey(random) };
}

/** A load an hour, now and then none at all; between the hours the register grows evenly. */
function makeRegister(
  random: SeededRandom,
  { startMs, powerMaxW, firstWh }: { startMs: number; powerMaxW: number; firstWh: number },
): (atMs: number) => bigint {
  const sums = new Float64Array(hoursAhead + 1);
  for (let hour = 0; hour < hoursAhead; hour += 1) {
    const load = random.chance(0.15) ? 0 : random.below(Math.floor(powerMaxW / 3));
    sums[hour + 1] = sums[hour] + load;
  }
  return (atMs) => {
    const hour = Math.floor((atMs - startMs) / hourMs);
    if (hour < 0 || hour >= hoursAhead) throw new Error('the world has no loads so far away');
    const part = (atMs - startMs - hour * hourMs) / hourMs;
    return BigInt(firstWh + sums[hour] + Math.floor((sums[hour + 1] - sums[hour]) * part));
  };
}

function makeMeters(
  random: SeededRandom,
  edges: readonly WorldEdge[],
  { startMs, lines }: Pick<World, 'startMs' | 'lines'>,
): WorldMeter[] {
  // Point 1 has two meters behind edges of different shards: both charge one account.
  const places = ['point 1', 'point 1', 'point 2', 'point 3', 'point 4', 'point 5'];
  const zoneOf = new Map(places.map((place) => [place, random.pick(zones)]));
  return places.map((servicePoint, index) => {
    const powerMaxW = random.pick([4_000, 24_000, 160_000]);
    const modulusWh = random.chance(0.4) ? 1_000_000n : null;
    const firstWh = modulusWh === null ? random.below(5_000_000) : 1_000_000 - random.below(60_000);
    const line = lines.get(unitOf(index)) ?? null;
    const litWh = makeRegister(random, { startMs, powerMaxW, firstWh });
    return {
      serial: `S${index + 1}`,
      edge: edges[index % edges.length],
      servicePoint,
      zone: zoneOf.get(servicePoint) ?? 'UTC',
      powerMaxW,
      modulusWh,
      ownId: null,
      fittedMs: startMs,
      removedMs: null,
      line,
      trueWh: behindLine(litWh, { line, fittedMs: startMs }),
    };
  });
}

/** A meter that is put up while readings flow, with a register that goes its own way. */
export function fitMeter(
  random: SeededRandom,
  given: Omit<WorldMeter, 'powerMaxW' | 'modulusWh' | 'removedMs' | 'trueWh'> & {
    readonly startMs: number;
    /** Null: drawn. */
    readonly powerMaxW: number | null;
  },
): WorldMeter {
  const { startMs, ...of } = given;
  const powerMaxW = given.powerMaxW ?? random.pick([4_000, 24_000]);
  const modulusWh = random.chance(0.3) ? 1_000_000n : null;
  const litWh = makeRegister(random, { startMs, powerMaxW, firstWh: random.below(50_000) });
  const trueWh = behindLine(litWh, of);
  return { ...of, powerMaxW, modulusWh, removedMs: null, trueWh };
}

/** What is needed to switch a supply: the meter's place on a bus, and the contactor's. */
export type Wiring = Pick<Fleet['meters'][number], 'bus' | 'contactor'>;

export const unwired: Wiring = { bus: null, contactor: null };

export function fleetMeter(
  { serial, edge, servicePoint, powerMaxW, modulusWh }: WorldMeter,
  { bus, contactor }: Wiring,
): Fleet['meters'][number] {
  return {
    serial,
    edge: edge.name,
    servicePoint,
    bus,
    mapName: 'sdm630',
    powerMaxW,
    registerModulusWh: modulusWh,
    contactor,
  };
}

/** Nobody listens: breakers of the world are reached by a link of their own. */
const nowhere = { kind: 'tcp', host: '127.0.0.1', port: 502 } as const;

/** Of a meter's contactor, by the meter's place among those of the beginning. */
function unitOf(index: number): number {
  return 100 + index;
}

/** The second meter of a place has no contactor. */
const unswitched = 1;

function makeLines(): World['lines'] {
  const units = [0, 1, 2, 3, 4, 5].filter((index) => index !== unswitched).map(unitOf);
  return new Map(units.map((unitId) => [unitId, new SupplyLine()]));
}

function wired(index: number): Wiring {
  return {
    bus: { name: 'bus', unitId: 1 + index },
    contactor: { unitId: unitOf(index), coil: 0 },
  };
}

type Agreement = Fleet['agreements'][number];

function agreement(
  random: SeededRandom,
  span: Pick<Agreement, 'account' | 'servicePoint' | 'tariff' | 'validFromMs' | 'validToMs'>,
): Agreement {
  const mode = random.chance(0.75) ? ('prepaid' as const) : ('postpaid' as const);
  return { ...span, mode, balanceLimitMicros: 0n, reconnectMicros: 1_000_000n };
}

function makeAgreements(random: SeededRandom, startMs: number) {
  const soonMs = startMs + random.below(96 * 2) * quarterMs;
  const always = { validFromMs: 0, validToMs: null };
  const agreements = [
    agreement(random, { account: 'A1', servicePoint: 'point 1', tariff: 'first', ...always }),
    agreement(random, { account: 'A1', servicePoint: 'point 2', tariff: 'second', ...always }),
    // A tenant moves out, and the next one moves in at the same quarter hour.
    agreement(random, {
      account: 'A2',
      servicePoint: 'point 3',
      tariff: 'first',
      validFromMs: 0,
      validToMs: soonMs,
    }),
    agreement(random, {
      account: 'A3',
      servicePoint: 'point 3',
      tariff: 'second',
      validFromMs: soonMs,
      validToMs: null,
    }),
    agreement(random, {
      account: 'A3',
      servicePoint: 'point 4',
      tariff: 'late',
      validFromMs: startMs + random.below(96) * quarterMs,
      validToMs: null,
    }),
  ];
  const lateAgreements = [
    agreement(random, {
      account: 'A4',
      servicePoint: 'point 5',
      tariff: 'first',
      validFromMs: startMs + random.below(96) * quarterMs,
      validToMs: startMs + (96 + random.below(96)) * quarterMs,
    }),
  ];
  return { agreements, lateAgreements };
}

export function makeWorld(seed: number): World {
  const random = new SeededRandom(seed);
  const startMs = Date.parse(random.pick(starts));
  const company = `Grid ${seed}`;
  const edges = [0, 1, 3].map((shard, index) => makeEdge(random, `edge ${index + 1}`, shard));
  const lines = makeLines();
  const meters = makeMeters(random, edges, { startMs, lines });
  const documents = worldTariffs(seed, random);
  const { agreements, lateAgreements } = makeAgreements(random, startMs);
  const zoneOf = new Map(meters.map((meter) => [meter.servicePoint, meter.zone]));
  let soonMs = startMs + random.below(96 * 3) * quarterMs;
  while (meters.some(({ zone }) => isShownTwice(zone, soonMs))) soonMs += quarterMs;
  const fleet: Fleet = {
    company,
    edges: edges.map(({ name, publicKey, logShard }) => ({
      name,
      publicKeys: [publicKey],
      logShard,
      buses: [{ name: 'bus', address: nowhere, pollIntervalMs: 60_000 }],
    })),
    servicePoints: [...zoneOf].map(([name, timeZone]) => ({ name, timeZone })),
    meters: meters.map((meter, index) =>
      fleetMeter(meter, index === unswitched ? unwired : wired(index)),
    ),
    customers: ['A1', 'A2', 'A3', 'A4'].map((number) => ({
      name: `customer ${number}`,
      accounts: [{ number, currency: 'EUR' }],
    })),
    tariffs: [
      { name: 'first', currency: 'EUR', versions: [{ validFromMs: 0, document: documents[0] }] },
      {
        name: 'second',
        currency: 'EUR',
        versions: [
          { validFromMs: 0, document: documents[1] },
          { validFromMs: soonMs, document: documents[2] },
        ],
      },
      { name: 'late', currency: 'EUR', versions: [] },
    ],
    agreements,
  };
  const laterTariffs = documents.slice(3);
  const isEven = seed % 4 !== 0;
  const ground = { startMs, company, edges, meters, lines, fleet };
  return { ...ground, lateAgreements, laterTariffs, isEven };
}
