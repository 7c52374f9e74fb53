import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { wholeWithin } from '../domain/wholeText.ts';
import type { TlsFiles } from '../ingest/intakeTls.ts';
import type { TokenKey } from '../signers/pkcs11Signer.ts';
import { dataDirectoryDefault } from '../embedded/dataDirectory.ts';

export const roles = ['all', 'api', 'ingest', 'worker', 'migrate'] as const;
export type ProcessRole = (typeof roles)[number];

/** What a process is told from outside. In role `all` a server that is not named is embedded. */
export type Config = {
  readonly role: ProcessRole;
  readonly ephemeral: boolean;
  readonly json: boolean;
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** Set when somebody asked for exactly this port. */
  readonly isPortAsked: boolean;
  /** Simulated meters of the embedded world. */
  readonly meters: number;
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly mqttUrl: string | null;
  /** PEM file of the head-end's Ed25519 key, mode 0600. */
  readonly edgeKeyFile: string | null;
  /** The name of the edge whose buses this process polls. */
  readonly edgeName: string;
  /** PEM file of the key that signs and verifies tokens, mode 0600. */
  readonly tokenKeyFile: string | null;
  /** PEM file of the key of the offices, mode 0600; null: this process enters no readings. */
  readonly officeKeyFile: string | null;
  /** PEM file of the key that signs seals, mode 0600; null: a role `worker` seals nothing. */
  readonly billingKeysFile: string | null;
  /** A PKCS#11 token that seals in place of a key file. */
  readonly signerToken: TokenKey | null;
  readonly intake: IntakeConfig;
  /** The company's messaging gateway; its secret is in a file that nobody else may read. */
  readonly notices: { readonly url: string; readonly secretFile: string } | null;
};

/** How gateways reach this process. */
export type IntakeConfig = {
  readonly port: number;
  readonly isPortAsked: boolean;
  /** PEM file of the key that signs receipts, mode 0600. */
  readonly receiptKeyFile: string | null;
  /**
   * Names this process to a broker, the same after a restart: what the broker sent it and heard no
   * acknowledgement of comes back to this name alone.
   */
  readonly slot: string;
  /** PEM files; HTTP and MQTT without TLS while they are absent. */
  readonly tls: TlsFiles | null;
};

export type ConfigCode = 'CONFIG_MALFORMED' | 'CONFIG_MISSING';

const portDefault = 4_000;
const intakePortDefault = 4_080;
const metersDefault = 200;
const metersMax = 2_000;

const url = (protocols: readonly string[]) =>
  z.url().refine((text) => protocols.some((protocol) => text.startsWith(`${protocol}://`)), {
    error: `must begin with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  });

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .refine((text) => wholeWithin(text, { min, max }) !== null, {
      error: ({ input }) => `is a whole number from ${min} to ${max}, not "${String(input)}"`,
    })
    .transform(Number);

const environment = z.object({
  DATABASE_URL: url(['postgres', 'postgresql']).optional(),
  REDIS_URL: url(['redis', 'rediss']).optional(),
  MQTT_URL: url(['mqtt', 'mqtts']).optional(),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: wholeNumber(0, 65_535).optional(),
  JOULEBOOK_DATA: z.string().min(1).default(dataDirectoryDefault),
  JOULEBOOK_METERS: wholeNumber(1, metersMax).default(metersDefault),
  JOULEBOOK_EDGE: z.string().min(1).default('head-end'),
  JOULEBOOK_EDGE_KEY: z.string().min(1).optional(),
  JOULEBOOK_TOKEN_KEY: z.string().min(1).optional(),
  JOULEBOOK_OFFICE_KEY: z.string().min(1).optional(),
  JOULEBOOK_BILLING_KEYS: z.string().min(1).optional(),
  JOULEBOOK_PKCS11_LIBRARY: z.string().min(1).optional(),
  JOULEBOOK_PKCS11_TOKEN: z.string().min(1).default('joulebook'),
  JOULEBOOK_PKCS11_KEY: z.string().min(1).default('billing'),
  JOULEBOOK_PKCS11_PIN_FILE: z.string().min(1).optional(),
  JOULEBOOK_INTAKE_PORT: wholeNumber(0, 65_535).optional(),
  JOULEBOOK_SLOT: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .default('1'),
  JOULEBOOK_RECEIPT_KEY: z.string().min(1).optional(),
  JOULEBOOK_TLS_CERT: z.string().min(1).optional(),
  JOULEBOOK_TLS_KEY: z.string().min(1).optional(),
  JOULEBOOK_TLS_CA: z.string().min(1).optional(),
  JOULEBOOK_NOTICE_URL: url(['http', 'https']).optional(),
  JOULEBOOK_NOTICE_SECRET: z.string().min(1).optional(),
});

type Variables = z.infer<typeof environment>;
type Flags = { role: string; values: Map<string, string>; switches: Set<string> };

const valued = new Map([
  ['--data', 'JOULEBOOK_DATA'],
  ['--port', 'PORT'],
  ['--meters', 'JOULEBOOK_METERS'],
]);
const switches = new Set(['--ephemeral', '--json']);

export const usage = [
  `npm start -- [--port ${portDefault}] [--meters ${metersDefault}] [--data DIR] ` +
    '[--ephemeral] [--json]',
  '',
  '  --port PORT    exactly this port of the API; without it any free one when it is taken',
  `  --meters N     simulated meters, up to ${metersMax}`,
  `  --data DIR     data directory, without it ${dataDirectoryDefault}`,
  '  --ephemeral    forgets everything at the end; --data is left alone',
  '  --json         prints one JSON line when ready',
  '',
  'One role of a deployment: node src/app/main.ts ROLE, with DATABASE_URL in the environment;',
  `roles are ${roles.join(', ')}.`,
].join('\n');

export function asksForHelp(argv: readonly string[]): boolean {
  return argv.some((word) => word === '--help' || word === '-h');
}

/** As whoever gives it writes it: `--port (PORT)`. */
function labelOf(variable: string): string {
  const flag = [...valued].find(([, named]) => named === variable)?.[0];
  return flag === undefined ? variable : `${flag} (${variable})`;
}

function readFlags(argv: readonly string[]): Outcome<Flags, ConfigCode> {
  const flags: Flags = { role: 'all', values: new Map(), switches: new Set() };
  const words: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const [name, inline] = argv[at].split('=', 2);
    const variable = valued.get(name);
    if (variable !== undefined) {
      const value = inline ?? argv[at + 1];
      if (value === undefined) return refuse('CONFIG_MALFORMED', `${name} needs a value.`);
      if (inline === undefined) at += 1;
      flags.values.set(variable, value);
    } else if (switches.has(name)) {
      flags.switches.add(name);
    } else if (name.startsWith('-')) {
      const known = [...valued.keys(), ...switches, '--help'].join(', ');
      return refuse('CONFIG_MALFORMED', `${name} is not known; known are ${known}.`);
    } else {
      words.push(name);
    }
  }
  if (words.length > 1) return refuse('CONFIG_MALFORMED', `One role, not ${words.join(' and ')}.`);
  if (words.length === 1) flags.role = words[0];
  return accept(flags);
}

/** Its head-end signs with one; a process that only takes batches signs receipts with the other. */
function hasIngestKey(vars: Variables): boolean {
  return vars.JOULEBOOK_EDGE_KEY !== undefined || vars.JOULEBOOK_RECEIPT_KEY !== undefined;
}

function intakeOf(vars: Variables): IntakeConfig {
  const { JOULEBOOK_TLS_CERT: certFile, JOULEBOOK_TLS_KEY: keyFile } = vars;
  const hasTls = certFile !== undefined && keyFile !== undefined;
  return {
    port: vars.JOULEBOOK_INTAKE_PORT ?? intakePortDefault,
    isPortAsked: vars.JOULEBOOK_INTAKE_PORT !== undefined,
    slot: vars.JOULEBOOK_SLOT,
    receiptKeyFile: vars.JOULEBOOK_RECEIPT_KEY ?? null,
    tls: hasTls ? { certFile, keyFile, caFile: vars.JOULEBOOK_TLS_CA ?? null } : null,
  };
}

function signerTokenOf(vars: Variables): TokenKey | null {
  const { JOULEBOOK_PKCS11_LIBRARY: library, JOULEBOOK_PKCS11_PIN_FILE: pinFile } = vars;
  if (library === undefined || pinFile === undefined) return null;
  const { JOULEBOOK_PKCS11_TOKEN: tokenLabel, JOULEBOOK_PKCS11_KEY: keyLabel } = vars;
  return { library, pinFile, tokenLabel, keyLabel };
}

/** Reads arguments over environment. All problems are told at once. */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Outcome<Config, ConfigCode> {
  const flags = readFlags(argv);
  if (!flags.ok) return flags;
  const role = roles.find((each) => each === flags.value.role);
  if (role === undefined) {
    return refuse(
      'CONFIG_MALFORMED',
      `"${flags.value.role}" is no role; roles are ${roles.join(', ')}.`,
    );
  }
  const parsed = environment.safeParse({ ...env, ...Object.fromEntries(flags.value.values) });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${labelOf(issue.path.map(String).join('.'))} ${issue.message}`,
    );
    return refuse('CONFIG_MALFORMED', `${problems.join('; ')}.`);
  }
  const vars = parsed.data;
  const missing = [
    ...(role !== 'all' && vars.DATABASE_URL === undefined ? ['DATABASE_URL'] : []),
    ...(role === 'ingest' && !hasIngestKey(vars)
      ? ['JOULEBOOK_EDGE_KEY or JOULEBOOK_RECEIPT_KEY']
      : []),
    ...(role === 'api' && vars.JOULEBOOK_TOKEN_KEY === undefined ? ['JOULEBOOK_TOKEN_KEY'] : []),
  ];
  const { JOULEBOOK_TLS_CERT: certFile, JOULEBOOK_TLS_KEY: keyFile } = vars;
  const { JOULEBOOK_PKCS11_LIBRARY: library, JOULEBOOK_PKCS11_PIN_FILE: pinFile } = vars;
  if (library !== undefined && pinFile === undefined) missing.push('JOULEBOOK_PKCS11_PIN_FILE');
  if (certFile === undefined && keyFile !== undefined) missing.push('JOULEBOOK_TLS_CERT');
  if (certFile !== undefined && keyFile === undefined) missing.push('JOULEBOOK_TLS_KEY');
  const { JOULEBOOK_NOTICE_URL: noticeUrl, JOULEBOOK_NOTICE_SECRET: secretFile } = vars;
  if (noticeUrl !== undefined && secretFile === undefined) missing.push('JOULEBOOK_NOTICE_SECRET');
  if (missing.length > 0) {
    return refuse('CONFIG_MISSING', `Role ${role} needs ${missing.join(' and ')}. Set it.`);
  }
  return accept({
    role,
    ephemeral: flags.value.switches.has('--ephemeral'),
    json: flags.value.switches.has('--json'),
    dataDirectory: vars.JOULEBOOK_DATA,
    host: vars.HOST,
    port: vars.PORT ?? portDefault,
    isPortAsked: vars.PORT !== undefined,
    meters: vars.JOULEBOOK_METERS,
    databaseUrl: vars.DATABASE_URL ?? null,
    redisUrl: vars.REDIS_URL ?? null,
    mqttUrl: vars.MQTT_URL ?? null,
    edgeKeyFile: vars.JOULEBOOK_EDGE_KEY ?? null,
    edgeName: vars.JOULEBOOK_EDGE,
    tokenKeyFile: vars.JOULEBOOK_TOKEN_KEY ?? null,
    officeKeyFile: vars.JOULEBOOK_OFFICE_KEY ?? null,
    billingKeysFile: vars.JOULEBOOK_BILLING_KEYS ?? null,
    signerToken: signerTokenOf(vars),
    intake: intakeOf(vars),
    notices:
      noticeUrl === undefined || secretFile === undefined ? null : { url: noticeUrl, secretFile },
  });
}
