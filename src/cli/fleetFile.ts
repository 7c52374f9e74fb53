import { z } from 'zod';
import { customerClasses } from '../domain/fleet.ts';
import type { Fleet } from '../domain/fleet.ts';
import { regionLengthMax } from '../domain/command/limits.ts';
import { media } from '../domain/medium.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { attributesShape } from '../domain/tariff/shape.ts';

/**
 * The JSON twin of a Fleet: keys in base64, instants in ISO 8601 with their offset, and whole
 * numbers that JSON cannot hold exactly as texts.
 */
const whole = z
  .string('Write the whole number as a text, such as "500000", so that no float touches it')
  .regex(/^-?[0-9]{1,19}$/, 'Write a whole number as a text, such as "500000"')
  .transform(BigInt);
const instantMs = z.iso
  .datetime({ offset: true, error: 'Write an instant as 2026-01-01T00:00:00+01:00' })
  .transform((text) => Date.parse(text));
const key = z
  .base64('Write the key in base64, as ems-cli key make prints it')
  .transform((text) => Uint8Array.from(Buffer.from(text, 'base64')));
const unitId = z.int();
/** A Postgres integer above zero. */
const int4 = z.int().positive().max(2_147_483_647);

const address = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tcp'), host: z.string().min(1), port: z.int() }),
  z.strictObject({
    kind: z.literal('rtu'),
    path: z.string().min(1),
    baudRate: z.int(),
    parity: z.enum(['none', 'even', 'odd']),
  }),
]);

const edge = z
  .strictObject({
    name: z.string(),
    publicKeys: z.array(key),
    logShard: z.int().min(0).max(3).optional(),
    buses: z.array(z.strictObject({ name: z.string(), address, pollIntervalMs: int4 })).default([]),
  })
  // An absent shard is chosen by the database: the property is left out, not undefined.
  .transform(({ logShard, ...rest }) => (logShard === undefined ? rest : { ...rest, logShard }));

const installation = z
  .strictObject({ at: instantMs, startValue: whole.optional(), factor: z.string().optional() })
  .transform(({ at, startValue, factor }) => ({
    atMs: at,
    ...(startValue !== undefined && { startValue }),
    ...(factor !== undefined && { factor }),
  }));

const fleetFile = z.strictObject({
  company: z.string(),
  edges: z.array(edge),
  servicePoints: z.array(
    z
      .strictObject({
        name: z.string(),
        timeZone: z.string(),
        isKeyZone: z.boolean().optional(),
        customerClass: z.enum(customerClasses).optional(),
        isOccupied: z.boolean().optional(),
        region: z.string().max(regionLengthMax).optional(),
        hasGeneration: z.boolean().optional(),
      })
      // Absent is not undefined: a point stays what it is.
      .transform(({ isKeyZone, customerClass, isOccupied, region, hasGeneration, ...rest }) => ({
        ...rest,
        ...(isKeyZone !== undefined && { isKeyZone }),
        ...(customerClass !== undefined && { customerClass }),
        ...(isOccupied !== undefined && { isOccupied }),
        ...(region !== undefined && { region }),
        ...(hasGeneration !== undefined && { hasGeneration }),
      })),
  ),
  meters: z.array(
    z
      .strictObject({
        serial: z.string(),
        edge: z.string(),
        servicePoint: z.string(),
        bus: z.strictObject({ name: z.string(), unitId }).nullable().default(null),
        mapName: z.string(),
        powerMaxW: int4,
        registerModulusWh: whole.nullable().default(null),
        contactor: z
          .strictObject({
            unitId,
            coil: z.int().min(0),
            limiterRegister: z.int().min(0).max(32_767).optional(),
          })
          .nullable()
          .default(null),
        medium: z.enum(media).optional(),
        installed: installation.optional(),
      })
      .transform(({ medium, installed, ...rest }) => ({
        ...rest,
        ...(medium !== undefined && { medium }),
        ...(installed !== undefined && { installed }),
      })),
  ),
  customers: z.array(
    z.strictObject({
      name: z.string(),
      accounts: z.array(z.strictObject({ number: z.string(), currency: z.string() })),
    }),
  ),
  tariffs: z.array(
    z
      .strictObject({
        name: z.string(),
        currency: z.string(),
        versions: z.array(
          z
            .strictObject({ validFrom: instantMs, document: z.unknown() })
            .transform(({ validFrom, document }) => ({ validFromMs: validFrom, document })),
        ),
      })
      .readonly(),
  ),
  agreements: z.array(
    z
      .strictObject({
        account: z.string(),
        servicePoint: z.string(),
        tariff: z.string(),
        mode: z.enum(['prepaid', 'postpaid']),
        validFrom: instantMs,
        validTo: instantMs.nullable().default(null),
        balanceLimitMicros: whole,
        reconnectMicros: whole,
        attributes: attributesShape.default({}),
      })
      .transform(({ validFrom, validTo, ...rest }) => ({
        ...rest,
        validFromMs: validFrom,
        validToMs: validTo,
      })),
  ),
});

/** The outer form; domain/fleet checks what it means. */
export function parseFleetFile(raw: unknown): Outcome<Fleet, 'FLEET_FILE_MALFORMED'> {
  const parsed = fleetFile.safeParse(raw);
  if (parsed.success) return accept(parsed.data);
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map(String);
  const where = path.length === 0 ? 'The file' : path.join('.');
  const message = `${where}: ${issue?.message ?? 'unreadable'}. Correct it.`;
  return refuse('FLEET_FILE_MALFORMED', message, path);
}
