import { instantMsMax, registerWhMax } from './limits.ts';
import { accept, refuse } from './outcome.ts';
import type { Outcome, Refused } from './outcome.ts';
import { runExamples } from './rating/examples.ts';
import { isOnSlotGrid } from './rating/slot.ts';
import { isRegisterMapName } from './registerMapName.ts';
import { parseFactor } from './series/factor.ts';
import { parseAttributes } from './tariff/attributes.ts';
import { minorDigitsOf } from './tariff/currency.ts';
import { parseTariffDocument } from './tariff/document.ts';
import { refusePrepaid } from './tariff/prepaid.ts';
import { isKnownZone } from './time/zone.ts';

import type {
  Fleet,
  FleetAgreement,
  FleetCode,
  FleetEdge,
  FleetInstallation,
  FleetTariff,
} from './fleet.ts';

type Path = readonly (string | number)[];
type Check = Refused<FleetCode> | null;

const publicKeyBytes = 32; // RFC 8032, 5.1.5
const unitIdMax = 247; // Modbus over Serial Line 1.02, 2.2

function refuseAt(code: FleetCode, path: Path, message: string): Refused<FleetCode> {
  const texts = path.map(String);
  return refuse(code, `${texts.join('.')}: ${message}`, texts);
}

function first<T>(items: readonly T[], check: (item: T, index: number) => Check): Check {
  for (const [index, item] of items.entries()) {
    const refused = check(item, index);
    if (refused !== null) return refused;
  }
  return null;
}

function checkNames(names: readonly string[], path: Path): Check {
  const seen = new Set<string>();
  return first(names, (name, index) => {
    if (name.trim() === '') {
      return refuseAt('FLEET_NAME_EMPTY', [...path, index], 'the name is empty; give one.');
    }
    if (seen.has(name)) {
      return refuseAt('FLEET_NAME_REPEATED', [...path, index], `"${name}" is declared twice.`);
    }
    seen.add(name);
    return null;
  });
}

function busKey(edge: string, bus: string): string {
  return JSON.stringify([edge, bus]);
}

function checkEdge(edge: FleetEdge, index: number): Check {
  const path = ['edges', index];
  const names = edge.buses.map((bus) => bus.name);
  const keys = first(edge.publicKeys, (key, at) =>
    key.length === publicKeyBytes
      ? null
      : refuseAt(
          'FLEET_KEY_MALFORMED',
          [...path, 'publicKeys', at],
          `an Ed25519 public key has ${publicKeyBytes} raw bytes, this one ${key.length}.`,
        ),
  );
  return keys ?? checkNames(names, [...path, 'buses']);
}

function isInstallable(installed: FleetInstallation | undefined): boolean {
  if (installed === undefined) return true;
  const { atMs, startValue = 0n } = installed;
  const isInstant = Number.isInteger(atMs) && atMs >= 0 && atMs <= instantMsMax;
  return isInstant && startValue >= 0n && startValue <= BigInt(registerWhMax);
}

function checkMeters(fleet: Fleet): Check {
  const edges = new Set(fleet.edges.map((edge) => edge.name));
  const points = new Set(fleet.servicePoints.map((point) => point.name));
  const buses = new Set(
    fleet.edges.flatMap((edge) => edge.buses.map((bus) => busKey(edge.name, bus.name))),
  );
  const units = new Set<string>();
  return first(fleet.meters, (meter, index) => {
    const path = ['meters', index];
    const unknown = (field: string, name: string) =>
      refuseAt('FLEET_REFERENCE_UNKNOWN', [...path, field], `there is no "${name}"; declare it.`);
    if (!edges.has(meter.edge)) return unknown('edge', meter.edge);
    if (!points.has(meter.servicePoint)) return unknown('servicePoint', meter.servicePoint);
    if (meter.bus !== null && !buses.has(busKey(meter.edge, meter.bus.name))) {
      return unknown('bus', meter.bus.name);
    }
    if (!isRegisterMapName(meter.mapName) || meter.mapName === 'contactor') {
      const message = `no meter has the register map "${meter.mapName}"; see src/devices/maps.`;
      return refuseAt('FLEET_METER_MALFORMED', path, message);
    }
    for (const unitId of [meter.bus?.unitId, meter.contactor?.unitId]) {
      if (unitId !== undefined && (unitId < 1 || unitId > unitIdMax)) {
        const message = `unit ${unitId} does not exist; Modbus units are 1 to ${unitIdMax}.`;
        return refuseAt('FLEET_METER_MALFORMED', path, message);
      }
    }
    const unit = JSON.stringify([meter.edge, meter.bus?.name, meter.bus?.unitId]);
    if (meter.bus !== null && units.has(unit)) {
      const message = `unit ${meter.bus.unitId} of its bus is another meter's; correct one.`;
      return refuseAt('FLEET_METER_MALFORMED', path, message);
    }
    units.add(unit);
    const factor = parseFactor(meter.installed?.factor ?? '1');
    if (!factor.ok) return refuseAt(factor.code, [...path, 'installed', 'factor'], factor.message);
    if (!isInstallable(meter.installed)) {
      const message = 'a meter is installed between 1970 and 2200 with a value that it can show.';
      return refuseAt('FLEET_METER_MALFORMED', [...path, 'installed'], message);
    }
    if (meter.powerMaxW <= 0 || (meter.registerModulusWh ?? 1n) <= 0n) {
      const message = 'powerMaxW and registerModulusWh are above 0; read them off the meter.';
      return refuseAt('FLEET_METER_MALFORMED', path, message);
    }
    return null;
  });
}

function checkCurrency(currency: string, path: Path): Check {
  if (minorDigitsOf(currency) !== undefined) return null;
  const message = `${currency} is not an ISO 4217 code in use; write one such as EUR.`;
  return refuseAt('CURRENCY_UNKNOWN', path, message);
}

function checkTariff(tariff: FleetTariff, index: number, isPrepaid: boolean): Check {
  const path = ['tariffs', index];
  return (
    checkCurrency(tariff.currency, [...path, 'currency']) ??
    first(tariff.versions, (version, at) => {
      const versionPath = [...path, 'versions', at];
      if (!isOnSlotGrid(version.validFromMs)) return offGrid([...versionPath, 'validFromMs']);
      const parsed = parseTariffDocument(version.document);
      if (!parsed.ok) {
        const documentPath = [...versionPath, 'document', ...(parsed.path ?? [])];
        return refuse(parsed.code, parsed.message, documentPath.map(String));
      }
      const { currency } = parsed.value;
      if (currency !== tariff.currency) {
        const message = `the document is in ${currency}, its tariff in ${tariff.currency}.`;
        return refuseAt('CURRENCY_MISMATCH', [...versionPath, 'document', 'currency'], message);
      }
      const failed = runExamples(parsed.value, version.document).find((each) => !each.outcome.ok);
      const refused =
        (isPrepaid ? refusePrepaid(parsed.value) : null) ??
        (failed?.outcome.ok === false ? failed.outcome : null);
      if (refused === null) return null;
      const documentPath = [...versionPath, 'document', ...(refused.path ?? [])];
      return refuse(refused.code, refused.message, documentPath.map(String));
    })
  );
}

function offGrid(path: Path): Refused<FleetCode> {
  const message = 'validity begins and ends on a quarter hour, such as 00:00 or 00:15.';
  return refuseAt('VALIDITY_OFF_GRID', path, message);
}

function checkAgreements(fleet: Fleet): Check {
  const points = new Set(fleet.servicePoints.map((point) => point.name));
  const tariffs = new Map(fleet.tariffs.map((tariff) => [tariff.name, tariff.currency]));
  const accounts = new Map(
    fleet.customers.flatMap(({ accounts: ones }) => ones.map((one) => [one.number, one.currency])),
  );
  return first(fleet.agreements, (agreement, index) => {
    const path = ['agreements', index];
    const currency = accounts.get(agreement.account);
    const tariffCurrency = tariffs.get(agreement.tariff);
    const unknown = (field: string, name: string) =>
      refuseAt('FLEET_REFERENCE_UNKNOWN', [...path, field], `there is no "${name}"; declare it.`);
    if (currency === undefined) return unknown('account', agreement.account);
    if (tariffCurrency === undefined) return unknown('tariff', agreement.tariff);
    if (!points.has(agreement.servicePoint)) return unknown('servicePoint', agreement.servicePoint);
    if (currency !== tariffCurrency) {
      const message = `the account is in ${currency}, the tariff in ${tariffCurrency}.`;
      return refuseAt('CURRENCY_MISMATCH', path, message);
    }
    const { validFromMs, validToMs } = agreement;
    if (!isOnSlotGrid(validFromMs)) return offGrid([...path, 'validFromMs']);
    if (validToMs !== null && !isOnSlotGrid(validToMs)) return offGrid([...path, 'validToMs']);
    if (validToMs !== null && validToMs <= validFromMs) {
      return refuseAt('VALIDITY_REVERSED', [...path, 'validToMs'], 'it ends before it begins.');
    }
    const attributes = parseAttributes(agreement.attributes ?? {});
    if (!attributes.ok) {
      return refuseAt(attributes.code, [...path, 'attributes'], attributes.message);
    }
    if (agreement.reconnectMicros <= agreement.balanceLimitMicros) {
      const message = 'the reconnect level lies above the limit, or the supply would flap.';
      return refuseAt('RECONNECT_NOT_ABOVE_LIMIT', [...path, 'reconnectMicros'], message);
    }
    return null;
  });
}

/** Two agreements at one service point at one time would bill the same energy twice. */
export function checkOverlap(
  agreements: readonly Pick<FleetAgreement, 'servicePoint' | 'validFromMs' | 'validToMs'>[],
): Outcome<null, 'FLEET_AGREEMENT_OVERLAP'> {
  const ordered = agreements.toSorted((a, b) => a.validFromMs - b.validFromMs);
  const endMs = new Map<string, number>();
  for (const { servicePoint, validFromMs, validToMs } of ordered) {
    if (validFromMs < (endMs.get(servicePoint) ?? -Infinity)) {
      return refuse(
        'FLEET_AGREEMENT_OVERLAP',
        `Two agreements at service point "${servicePoint}" are valid at ` +
          `${new Date(validFromMs).toISOString()}. End the earlier one first.`,
      );
    }
    endMs.set(servicePoint, validToMs ?? Infinity);
  }
  return accept(null);
}

/** What can be known without the database; the rest is checked against what is registered. */
export function checkFleet(fleet: Fleet): Outcome<null, FleetCode> {
  const numbers = fleet.customers.flatMap(({ accounts }) => accounts.map(({ number }) => number));
  const prepaidTariffs = new Set(
    fleet.agreements.filter(({ mode }) => mode === 'prepaid').map(({ tariff }) => tariff),
  );
  const refused =
    checkNames([fleet.company], ['company']) ??
    checkNames(
      fleet.edges.map((edge) => edge.name),
      ['edges'],
    ) ??
    first(fleet.edges, checkEdge) ??
    checkNames(
      fleet.servicePoints.map((point) => point.name),
      ['servicePoints'],
    ) ??
    first(fleet.servicePoints, ({ timeZone }, index) =>
      isKnownZone(timeZone)
        ? null
        : refuseAt(
            'ZONE_UNKNOWN',
            ['servicePoints', index, 'timeZone'],
            `"${timeZone}" is not a known time zone; write an IANA name such as Europe/Berlin.`,
          ),
    ) ??
    checkNames(
      fleet.meters.map((meter) => meter.serial),
      ['meters'],
    ) ??
    checkMeters(fleet) ??
    checkNames(
      fleet.customers.map((customer) => customer.name),
      ['customers'],
    ) ??
    checkNames(numbers, ['accounts']) ??
    first(fleet.customers, ({ accounts }, index) =>
      first(accounts, ({ currency }, at) =>
        checkCurrency(currency, ['customers', index, 'accounts', at, 'currency']),
      ),
    ) ??
    checkNames(
      fleet.tariffs.map((tariff) => tariff.name),
      ['tariffs'],
    ) ??
    first(fleet.tariffs, (tariff, index) =>
      checkTariff(tariff, index, prepaidTariffs.has(tariff.name)),
    ) ??
    checkAgreements(fleet);
  return refused ?? checkOverlap(fleet.agreements);
}
