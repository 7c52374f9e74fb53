import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportChannel, importChannel, intervalEnergyChannel } from '../../src/domain/channel.ts';
import { dayOf } from '../../src/domain/series/day.ts';
import type { SeriesDay } from '../../src/domain/series/day.ts';
import { decodeDay, encodeDay } from '../../src/domain/series/dayCodec.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { importBlock } from '../support/build/edge.ts';
import { noon, openOfficeGround, quarter } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const day = dayOf(noon);
const count = 8;
let here: OfficeGround;
let gasMeterId = 0;

/** Eight readings of a register, a quarter hour apart from noon on. */
function readings(meterId: number, first: number) {
  return Array.from({ length: count }, (_, n) => {
    return { meterId, atMs: noon + n * quarter, wh: first + n };
  });
}

/** Registers in Wh and kWh, energies of quarter hours, and a gas meter in tenths of a m3. */
beforeAll(async () => {
  here = await openOfficeGround('reconcile_values');
  const { declared, writer, clock, makers, meterIds } = here;
  const [like] = declared.meters;
  const registered = await registerFleet(
    { sql: writer.sql, clock },
    {
      ...declared,
      servicePoints: [...declared.servicePoints, { name: 'gas', timeZone: 'Europe/Berlin' }],
      meters: [...declared.meters, { ...like, serial: 'G1', servicePoint: 'gas', medium: 'gas' }],
    },
  );
  if (!registered.ok) throw new Error(registered.message);
  gasMeterId = registered.value.meters.get('G1') ?? 0;
  clock.set(noon + 4 * 3_600_000);
  const [m1, m2] = meterIds;
  const carried = makers[0].sign([
    importBlock(readings(m1, 1_000)),
    { ...importBlock(readings(m2, 40)), scaler: 3 },
    { ...importBlock(readings(m1, 200)), channel: intervalEnergyChannel },
    { ...importBlock(readings(gasMeterId, 77)), unit: 13, scaler: -1 },
  ]);
  expect(await here.commit([carried])).toEqual(['committed']);
  await here.rateAll();
});
afterAll(() => here.close());

async function differences(): Promise<readonly string[]> {
  const { companyId } = here.fleet;
  const window = { meterId: null, fromMs: noon, toMs: noon + 4 * 3_600_000, nowMs: noon };
  const deps = { sql: here.writer.sql, onStep: () => {} };
  const done = await reconcile(deps, { companyId, ...window });
  if (!done.ok) throw new Error(done.message);
  return done.value.findings
    .filter(({ code }) => code === 'SERIES_DIFFERS')
    .map(({ subject, message }) => `${subject}: ${message}`);
}

type Register = { readonly meterId: number; readonly channel: number };

/** What is found while a register's day is another one. */
async function found(register: Register, change: (stored: SeriesDay) => void) {
  const owner = postgres(here.url, { max: 1, onnotice: () => {} });
  const { meterId, channel } = register;
  const put = (bytes: Uint8Array) => owner`
    update series_day set bytes = ${Buffer.from(bytes)}
    where meter_id = ${meterId} and channel = ${channel} and day = ${day}`;
  const [kept] = await owner<{ bytes: Uint8Array }[]>`
    select bytes from series_day
    where meter_id = ${meterId} and channel = ${channel} and day = ${day}`;
  const stored = decodeDay(kept.bytes);
  change(stored);
  await put(encodeDay(stored));
  const messages = await differences();
  await put(kept.bytes);
  await owner.end();
  return messages;
}

test('values in every unit are those that the series keeps', async () => {
  expect(await differences()).toEqual([]);
});

test('values ten or a thousand times as large are found, of every reading', async () => {
  const [m1, m2] = here.meterIds;
  const times = (factor: number) => (stored: SeriesDay) => {
    stored.wh.set(stored.wh.map((wh) => wh * factor));
  };
  const tenfold = await found({ meterId: m1, channel: importChannel }, times(10));
  expect(tenfold).toHaveLength(count);
  expect(tenfold[0]).toContain('the series has 10000, the log 1000');
  const unscaled = await found({ meterId: m2, channel: importChannel }, times(0.001));
  expect(unscaled).toHaveLength(count);
  const litres = await found({ meterId: gasMeterId, channel: importChannel }, times(10));
  expect(litres).toHaveLength(count);
});

test('the energy of one quarter hour that is another one is found', async () => {
  const register = { meterId: here.meterIds[0], channel: intervalEnergyChannel };
  const messages = await found(register, (stored) => {
    const place = stored.wh.indexOf(203);
    stored.wh[place] += 1;
    stored.wh[place + 1] += 1;
  });
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(`meter/${register.meterId}/${intervalEnergyChannel}: `);
  expect(messages[0]).toContain('the series has 204, the log 203');
});

test('a day of a register that nobody sent is found beside those that were', async () => {
  const [m1] = here.meterIds;
  const owner = postgres(here.url, { max: 1, onnotice: () => {} });
  await owner`
    insert into series_day (meter_id, channel, day, company_id, bytes, carry_in, revision)
    select meter_id, ${exportChannel}, day, company_id, bytes, null, revision
    from series_day where meter_id = ${m1} and channel = ${importChannel}`;
  const messages = await differences();
  await owner`delete from series_day where channel = ${exportChannel}`;
  await owner.end();
  expect(messages).toHaveLength(count);
  for (const message of messages) {
    expect(message).toContain(`meter/${m1}/${exportChannel}: `);
    expect(message).toContain('no batch of the log has it');
  }
});
