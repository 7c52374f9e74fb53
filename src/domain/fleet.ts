import type { Medium } from './medium.ts';
import type { ExampleCode } from './rating/examples.ts';
import type { FactorCode } from './series/factor.ts';
import type { AttributesCode } from './tariff/attributes.ts';
import type { TariffRefusal } from './tariff/document.ts';
import type { AttributesShape } from './tariff/shape.ts';

/**
 * One company as it should be registered. Names are the keys: the same declaration again changes
 * nothing, a longer one adds what is new.
 */
export type Fleet = {
  readonly company: string;
  readonly edges: readonly FleetEdge[];
  readonly servicePoints: readonly FleetServicePoint[];
  readonly meters: readonly FleetMeter[];
  readonly customers: readonly FleetCustomer[];
  readonly tariffs: readonly FleetTariff[];
  readonly agreements: readonly FleetAgreement[];
};

export type FleetEdge = {
  readonly name: string;
  /** Ed25519, 32 raw bytes each; two while a key is being replaced. */
  readonly publicKeys: readonly Uint8Array[];
  /** Absent: chosen by the edge's place among the edges of the database. */
  readonly logShard?: number;
  readonly buses: readonly FleetBus[];
};

export type FleetServicePoint = {
  readonly name: string;
  readonly timeZone: string;
  /** Its bills are rated by both engines before they are posted. Absent: as it was, no at first. */
  readonly isKeyZone?: boolean;
  /** By which rules its readings are validated. Absent: as it was, community at first. */
  readonly customerClass?: CustomerClass;
  /** Absent: as it was, yes at first. A vacant place may use nothing. */
  readonly isOccupied?: boolean;
  /** Where weather and many cuts at once are looked at. Absent: as it was. */
  readonly region?: string;
  /** Absent: as it was, no at first. Without it a phase that feeds in is mounted wrongly. */
  readonly hasGeneration?: boolean;
};

export const customerClasses = ['gateway', 'large', 'community'] as const;
export type CustomerClass = (typeof customerClasses)[number];

/** From when on a meter counts, and what a count of its registers stands for. */
export type FleetInstallation = {
  readonly atMs: number;
  /** What the main register showed, in its own counts; absent: its first reading tells. */
  readonly startValue?: bigint;
  /** As on the plate, such as 200/5; absent: 1. */
  readonly factor?: string;
};

export type FleetBusAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'rtu';
      readonly path: string;
      readonly baudRate: number;
      readonly parity: 'none' | 'even' | 'odd';
    };

export type FleetBus = {
  readonly name: string;
  readonly address: FleetBusAddress;
  readonly pollIntervalMs: number;
};

export type FleetMeter = {
  readonly serial: string;
  readonly edge: string;
  readonly servicePoint: string;
  /** Null for a meter that a gateway reads for us. */
  readonly bus: { readonly name: string; readonly unitId: number } | null;
  readonly mapName: string;
  readonly powerMaxW: number;
  readonly registerModulusWh: bigint | null;
  readonly contactor: {
    readonly unitId: number;
    readonly coil: number;
    /** Where it takes the most that may flow, in W; absent: it only opens and closes. */
    readonly limiterRegister?: number | undefined;
  } | null;
  /** Absent: electricity. */
  readonly medium?: Medium;
  /** Absent: all of its readings count, each for 1. */
  readonly installed?: FleetInstallation;
};

export type FleetCustomer = {
  readonly name: string;
  readonly accounts: readonly { readonly number: string; readonly currency: string }[];
};

export type FleetTariff = {
  readonly name: string;
  readonly currency: string;
  readonly versions: readonly { readonly validFromMs: number; readonly document: unknown }[];
};

export type FleetAgreement = {
  readonly account: string;
  readonly servicePoint: string;
  readonly tariff: string;
  readonly mode: 'prepaid' | 'postpaid';
  readonly validFromMs: number;
  /** Null while it is open. */
  readonly validToMs: number | null;
  readonly balanceLimitMicros: bigint;
  readonly reconnectMicros: bigint;
  /** What tariffs may ask for, as people write it; absent: nothing is said. */
  readonly attributes?: AttributesShape;
};

export type FleetCode =
  | TariffRefusal
  | AttributesCode
  | ExampleCode
  | FactorCode
  | 'PREPAID_UNSUPPORTED'
  | 'FLEET_NAME_EMPTY'
  | 'FLEET_NAME_REPEATED'
  | 'FLEET_REFERENCE_UNKNOWN'
  | 'FLEET_KEY_MALFORMED'
  | 'FLEET_KEY_REVOKED'
  | 'FLEET_METER_MALFORMED'
  | 'FLEET_AGREEMENT_OVERLAP'
  | 'FLEET_CONFLICT'
  | 'ZONE_UNKNOWN'
  | 'CURRENCY_UNKNOWN'
  | 'CURRENCY_MISMATCH'
  | 'VALIDITY_OFF_GRID'
  | 'VALIDITY_REVERSED'
  | 'RECONNECT_NOT_ABOVE_LIMIT';
