import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plantVariable } from './failPoint.ts';
import type { FailPoint } from './failPoint.ts';
import { mainFile } from './ground.ts';
import type { Ground } from './ground.ts';
import { Role } from './processes.ts';
import type { RoleSpec } from './processes.ts';
import { freePort } from './servers.ts';
import type { PlacedServer, PostgresServer } from './servers.ts';

/** The roles of docs/operations-guide.md, each in a process of its own. */
export type Deployment = {
  readonly roles: readonly Role[];
  readonly ingests: readonly Role[];
  readonly workers: readonly Role[];
  readonly api: Role;
  readonly intakeUrls: readonly string[];
  readonly graphql: string;
  stop(): Promise<void>;
};

/** libfaketime, and the file that says how wrong a role's clock is. */
export type Clock = { readonly library: string; readonly fileOf: (role: string) => string };

export const clockedRoles = ['ingest-1', 'ingest-2', 'worker-1', 'worker-2'] as const;

export type DeploymentInput = {
  readonly folder: string;
  readonly ground: Ground;
  readonly postgres: PostgresServer;
  readonly redis: PlacedServer | null;
  readonly broker: PlacedServer | null;
  /** Null where clocks stay right. */
  readonly clock: Clock | null;
  /** Planted: some receipts are given for batches that are rolled back. */
  readonly acknowledgesBeforeCommit: boolean;
  onDeath(role: Role, point: FailPoint | null): void;
};

const brittleFile = fileURLToPath(new URL('./brittleRole.ts', import.meta.url));
const fakeTimeLibraries = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
] as const;

export function fakeTimeLibrary(): string | null {
  return fakeTimeLibraries.find((path) => existsSync(path)) ?? null;
}

export async function startDeployment(input: DeploymentInput): Promise<Deployment> {
  const { folder, ground, postgres, redis, broker } = input;
  const clockOf = (name: string): Record<string, string> =>
    input.clock === null
      ? {}
      : {
          LD_PRELOAD: input.clock.library,
          FAKETIME_TIMESTAMP_FILE: input.clock.fileOf(name),
          FAKETIME_CACHE_DURATION: '1',
          // Timers stay right, as on a machine whose wall clock is set.
          DONT_FAKE_MONOTONIC: '1',
        };
  const servers = {
    // A start is 40 % cheaper with it, which is what a machine full of restarts spends.
    NODE_COMPILE_CACHE: join(folder, 'compile-cache'),
    DATABASE_URL: postgres.url,
    ...(redis !== null && { REDIS_URL: redis.url }),
    ...(broker !== null && { MQTT_URL: broker.url }),
  };
  const onDeath = input.onDeath;
  const open = (spec: RoleSpec): Role => new Role(spec, { folder, onDeath });
  const ports = [await freePort(), await freePort(), await freePort()];
  const [apiPort, ...intakePorts] = ports;
  const ingests = ground.headEnds.map(({ name, keyFile }, index) =>
    open({
      name: `ingest-${index + 1}`,
      kind: 'ingest',
      args: [brittleFile, mainFile, 'ingest'],
      env: {
        ...servers,
        ...clockOf(`ingest-${index + 1}`),
        JOULEBOOK_EDGE: name,
        JOULEBOOK_EDGE_KEY: keyFile,
        JOULEBOOK_RECEIPT_KEY: ground.receiptKeyFile,
        JOULEBOOK_INTAKE_PORT: String(intakePorts[index]),
        JOULEBOOK_SLOT: String(index + 1),
        ...(input.acknowledgesBeforeCommit && { [plantVariable]: '1' }),
      },
      readyWord: 'ingest ready',
    }),
  );
  const workers = [1, 2].map((number) =>
    open({
      name: `worker-${number}`,
      kind: 'worker',
      args: [brittleFile, mainFile, 'worker'],
      env: { ...servers, ...clockOf(`worker-${number}`) },
      readyWord: 'worker ready',
    }),
  );
  const api = open({
    name: 'api',
    kind: 'api',
    args: [mainFile, 'api', '--port', String(apiPort)],
    env: { ...servers, JOULEBOOK_TOKEN_KEY: ground.tokenKeyFile },
    readyWord: 'api ready',
  });
  const roles = [...ingests, ...workers, api];
  for (const role of roles) role.start();
  return {
    roles,
    ingests,
    workers,
    api,
    intakeUrls: intakePorts.map((port) => `http://127.0.0.1:${port}/v1/batches`),
    graphql: `http://127.0.0.1:${apiPort}/graphql`,
    async stop() {
      await Promise.all(roles.map((role) => role.stop()));
    },
  };
}
