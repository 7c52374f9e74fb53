import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { readKeyFile, rawPublicKey } from '../../src/cli/keyFile.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import type { SigningKey } from '../../src/wire/envelope.ts';

/** What is registered before the faults begin, by the commands of docs/operations-guide.md. */
export const mainFile = fileURLToPath(new URL('../../src/app/main.ts', import.meta.url));
const cliFile = fileURLToPath(new URL('../../src/cli/launch.js', import.meta.url));

export type GroundCompany = {
  readonly name: string;
  /** Micro-units of the currency a watt-hour: a price at which every amount is whole. */
  readonly microsPerWh: bigint;
  readonly gateways: readonly GroundGateway[];
};

export type GroundGateway = {
  readonly edgeId: number;
  readonly key: SigningKey;
  readonly meters: readonly GroundMeter[];
};

export type GroundMeter = {
  readonly meterId: number;
  readonly accountId: number;
  readonly agreementId: number;
};

export type Ground = {
  readonly companies: readonly GroundCompany[];
  readonly tokenKeyFile: string;
  readonly receiptKeyFile: string;
  /** One for each process of role ingest. */
  readonly headEnds: readonly { readonly name: string; readonly keyFile: string }[];
  readonly operatorToken: string;
};

type Plan = {
  readonly folder: string;
  readonly databaseUrl: string;
  readonly gatewaysPerCompany: number;
  readonly metersPerGateway: number;
};

function ems(databaseUrl: string, args: readonly string[]): string {
  return execFileSync(process.execPath, [cliFile, ...args], {
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: databaseUrl },
    encoding: 'utf8',
  }).trim();
}

/** All hours at one price, no fixed parts: the sum of a bill is the energy times the price. */
function flatTariff(price: string): object {
  return {
    currency: 'EUR',
    calendars: [{ name: 'all', rules: [{ from: '00:00', to: '24:00', period: 'any' }] }],
    components: [
      { kind: 'energy', name: 'energy', flow: 'import', calendar: 'all', prices: { any: price } },
    ],
  };
}

type DraftGateway = { readonly name: string; readonly keyFile: string; readonly publicKey: string };

function fleetOf(
  company: { readonly name: string; readonly price: string },
  given: {
    readonly gateways: readonly DraftGateway[];
    readonly headEnds: readonly DraftGateway[];
    readonly metersPerGateway: number;
  },
): object {
  const { gateways, headEnds, metersPerGateway } = given;
  const meters = gateways.flatMap(({ name }, index) =>
    Array.from({ length: metersPerGateway }, (_, meter) => ({
      serial: `${company.name.slice(0, 1)}-${index + 1}-${meter + 1}`,
      edge: name,
    })),
  );
  return {
    company: company.name,
    edges: [
      ...gateways.map(({ name, publicKey }, index) => ({
        name,
        publicKeys: [publicKey],
        logShard: index % 4,
      })),
      ...headEnds.map(({ name, publicKey }) => ({ name, publicKeys: [publicKey] })),
    ],
    servicePoints: meters.map(({ serial }) => ({ name: serial, timeZone: 'UTC' })),
    meters: meters.map(({ serial, edge }) => ({
      serial,
      edge,
      servicePoint: serial,
      mapName: 'sdm630',
      powerMaxW: 40_000,
    })),
    customers: meters.map(({ serial }) => ({
      name: `Customer of ${serial}`,
      accounts: [{ number: `A-${serial}`, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'flat',
        currency: 'EUR',
        versions: [{ validFrom: '2020-01-01T00:00:00Z', document: flatTariff(company.price) }],
      },
    ],
    agreements: meters.map(({ serial }) => ({
      account: `A-${serial}`,
      servicePoint: serial,
      tariff: 'flat',
      mode: 'postpaid',
      validFrom: '2020-01-01T00:00:00Z',
      balanceLimitMicros: '-1000000000000',
      reconnectMicros: '0',
    })),
  };
}

function signingKeyOf(keyFile: string): SigningKey {
  const key = readKeyFile(keyFile);
  if (!key.ok) throw new Error(`${key.code}: ${key.message}`);
  return { privateKey: key.value, keyId: keyIdOf(rawPublicKey(key.value)) };
}

async function readRegistered(
  databaseUrl: string,
  { company, edge }: { company: string; edge: string },
): Promise<Omit<GroundGateway, 'key'>> {
  const admin = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const rows = await admin<
      { edge_id: number; meter_id: number; account_id: number; agreement_id: number }[]
    >`
      select e.id as edge_id, m.id as meter_id, a.account_id, a.id as agreement_id
      from company c join edge e on e.company_id = c.id join meter m on m.edge_id = e.id
      join agreement a on a.service_point_id = m.service_point_id
      where c.name = ${company} and e.name = ${edge} order by m.id`;
    return {
      edgeId: rows[0].edge_id,
      meters: rows.map((row) => ({
        meterId: row.meter_id,
        accountId: row.account_id,
        agreementId: row.agreement_id,
      })),
    };
  } finally {
    await admin.end();
  }
}

const companies = [
  { name: 'Highland Light', price: '0.30', microsPerWh: 300n },
  { name: 'Lowland Light', price: '0.21', microsPerWh: 210n },
] as const;

/** Migrates, makes keys, registers two companies and reads their ids back. */
export async function layGround(plan: Plan): Promise<Ground> {
  const { folder, databaseUrl } = plan;
  execFileSync(process.execPath, [mainFile, 'migrate'], {
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: databaseUrl },
    stdio: 'pipe',
  });
  const keys = join(folder, 'keys');
  mkdirSync(keys, { recursive: true });
  const makeKey = (name: string): DraftGateway => {
    const keyFile = join(keys, `${name.replaceAll(' ', '-')}.pem`);
    return { name, keyFile, publicKey: ems(databaseUrl, ['key', 'make', keyFile]) };
  };
  const headEnds = [makeKey('head-end 1'), makeKey('head-end 2')];
  const tokenKey = makeKey('token');
  const receiptKey = makeKey('receipt');
  const registered: GroundCompany[] = [];
  for (const company of companies) {
    const gateways = Array.from({ length: plan.gatewaysPerCompany }, (_, index) =>
      makeKey(`${company.name} gateway ${index + 1}`),
    );
    const file = join(folder, `${company.name}.json`);
    const isFirst = registered.length === 0;
    const fleet = fleetOf(company, {
      gateways,
      headEnds: isFirst ? headEnds : [],
      metersPerGateway: plan.metersPerGateway,
    });
    writeFileSync(file, JSON.stringify(fleet));
    ems(databaseUrl, ['fleet', 'register', file]);
    const read: GroundGateway[] = [];
    for (const { name, keyFile } of gateways) {
      const found = await readRegistered(databaseUrl, { company: company.name, edge: name });
      read.push({ ...found, key: signingKeyOf(keyFile) });
    }
    registered.push({ name: company.name, microsPerWh: company.microsPerWh, gateways: read });
  }
  const asked = ['--key', tokenKey.keyFile, '--role', 'operator', '--company', companies[0].name];
  return {
    companies: registered,
    tokenKeyFile: tokenKey.keyFile,
    receiptKeyFile: receiptKey.keyFile,
    headEnds,
    operatorToken: ems(databaseUrl, ['token', 'make', ...asked, '--hours', '24']),
  };
}
