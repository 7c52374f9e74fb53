import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertNotice } from '../../src/db/notices.ts';
import { deliverNotices } from '../../src/operations/prepaid/deliverNotices.ts';
import { createReportReader } from '../../src/providers/noticeWebhook.ts';
import { createApiServer } from '../../src/schema/server.ts';
import type { ApiServer } from '../../src/schema/server.ts';
import { explainSupply } from '../../src/operations/supply/forecast.ts';
import { startTail } from '../../src/stream/tail.ts';
import type { Tail } from '../../src/stream/tail.ts';
import { secondCompany } from '../operations/payments/paymentGround.ts';
import { openGround, openPolicy, publishForTest } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

const secret = 'a-secret-of-the-gateway';
let ground: Ground;
let tail: Tail;
let server: ApiServer;
let origin = '';
const errors: unknown[] = [];

beforeAll(async () => {
  ground = await openGround('notice_reports');
  const { companyId } = ground.fleet;
  const notice = { hoursBefore: 24, delivered: true };
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, notice });
  const onError = (error: unknown) => errors.push(error);
  tail = await startTail(ground.writer.sql, { pollMs: 1_000, onError });
  server = createApiServer({
    deps: {
      sql: ground.api.sql,
      clock: ground.clock,
      wake: (bell) => ground.bells.push(bell),
      tail,
      onError,
      streamProgressMs: 15_000,
      notices: { writer: ground.writer.sql, readReports: createReportReader(secret) },
    },
    tokens: {
      issuer: 'https://issuer.test',
      audience: 'joulebook',
      publicKey: generateKeyPairSync('ed25519').publicKey,
    },
    sandbox: false,
    allowedOrigins: [],
  });
  origin = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
});
afterAll(async () => {
  await server.close();
  await tail.close();
  await ground.close();
});

let breaches = 0;

/** One that the gateway has taken, and says no more of yet. */
async function sentNotice(kind: 'cut_notice' | 'low_days' = 'cut_notice'): Promise<string> {
  const id = randomUUID();
  breaches += 1;
  const { companyId } = ground.fleet;
  const about = { companyId, accountId: ground.account('A-1'), threshold: 'limit' };
  const { sql } = ground.writer;
  await insertNotice(sql, {
    id,
    ...about,
    kind,
    breach: breaches,
    detail: {},
    atMs: ground.clock.nowMs(),
  });
  const sender = { send: async () => ({ state: 'sent' as const, detail: 'sms-1' }) };
  await deliverNotices({ sql, clock: ground.clock, sender });
  return id;
}

async function states(id: string): Promise<string> {
  const rows = await ground.writer.sql<{ state: string }[]>`
    select state from notice_step where notice_id = ${id} order by ordinal`;
  return rows.map(({ state }) => state).join(' ');
}

type Told = { header?: string; atMs?: number; company?: number; method?: string };

async function send(body: string, { header, atMs, company, method = 'POST' }: Told = {}) {
  const at = String(Math.floor((atMs ?? ground.clock.nowMs()) / 1_000));
  const hmac = createHmac('sha256', secret).update(`reports.${at}.${body}`).digest('hex');
  const response = await fetch(
    `${origin}/v1/notices/${company ?? ground.fleet.companyId}/reports`,
    {
      method,
      headers: {
        'joulebook-timestamp': at,
        'joulebook-signature': header ?? `v1=${hmac}`,
        'content-type': 'application/json',
      },
      ...(method === 'POST' && { body }),
    },
  );
  const answer: unknown = await response.json();
  return { status: response.status, answer };
}

const report = (notice: string, state: string) =>
  JSON.stringify({ reports: [{ notice, state, detail: 'sms-1' }] });

async function audited(code: string): Promise<number> {
  const rows = await ground.writer.sql`
    select from audit_entry where action = 'notice.unheard' and after->>'code' = ${code}`;
  return rows.length;
}

describe('what the gateway reports (002.20)', () => {
  test('a notice that arrives starts the 24 hours of the policy; twice is once', async () => {
    const id = await sentNotice();
    const meterId = ground.fleet.meters.get('JB000001');
    if (meterId === undefined) throw new Error('the fleet has its first meter');
    const said = async () => {
      const deps = { sql: ground.api.sql, clock: ground.clock };
      const standing = await explainSupply(deps, ground.viewer('operator'), meterId);
      return standing?.decision?.findings.find(({ rule }) => rule === 'NOTICE_NOT_DELIVERED');
    };
    expect(await states(id)).toBe('queued sent');
    expect(await said()).toMatchObject({ prevents: true, detail: 'no notice delivered' });
    // An hour on its way does not count.
    ground.clock.push(3_600_000);
    const atMs = ground.clock.nowMs();
    const results = (result: string) => ({
      status: 200,
      answer: { results: [{ notice: id, result }] },
    });
    expect(await send(report(id, 'delivered'))).toMatchObject(results('applied'));
    expect(await send(report(id, 'delivered'))).toMatchObject(results('replay'));
    expect(await send(report(id, 'failed'))).toMatchObject(results('replay'));
    expect(await states(id)).toBe('queued sent delivered');
    expect(await said()).toMatchObject({ prevents: true, untilMs: atMs + 24 * 3_600_000 });
    ground.clock.push(24 * 3_600_000);
    expect(await said()).toMatchObject({ prevents: false });
  });

  test('one that fails on its way is tried again, and may arrive late', async () => {
    const id = await sentNotice('low_days');
    expect((await send(report(id, 'failed'))).status).toBe(200);
    expect(await send(report(id, 'failed'))).toMatchObject({
      answer: { results: [{ result: 'replay' }] },
    });
    expect(await states(id)).toBe('queued sent failed');
    await send(report(id, 'delivered'));
    expect(await states(id)).toBe('queued sent failed delivered');
  });
});

describe('a report that is not to be believed moves nothing and is audited', () => {
  test('wrong signature, or one of a notice that we sent', async () => {
    const id = await sentNotice();
    const body = report(id, 'delivered');
    expect(await send(body, { header: 'v1=00' })).toMatchObject({
      status: 400,
      answer: { code: 'NOTICE_SIGNATURE_WRONG' },
    });
    const at = String(Math.floor(ground.clock.nowMs() / 1_000));
    const ours = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
    expect((await send(body, { header: `v1=${ours}` })).status).toBe(400);
    expect(await states(id)).toBe('queued sent');
    expect(await audited('NOTICE_SIGNATURE_WRONG')).toBe(1);
  });

  test('a year old, too large, malformed', async () => {
    const id = await sentNotice();
    const year = 365 * 86_400_000;
    const old = await send(report(id, 'delivered'), { atMs: ground.clock.nowMs() - year });
    expect(old).toMatchObject({ status: 400, answer: { code: 'NOTICE_REPORT_TOO_OLD' } });
    const large = await send(`"${'x'.repeat(300_000)}"`);
    expect(large).toMatchObject({ status: 413, answer: { code: 'NOTICE_REPORT_TOO_LARGE' } });
    for (const body of ['', '[]', '{"reports":[]}', report('none', 'delivered')]) {
      const { status, answer } = await send(body);
      expect({ status, answer }).toMatchObject({
        status: 400,
        answer: { code: 'NOTICE_REPORT_MALFORMED' },
      });
    }
    expect(await states(id)).toBe('queued sent');
    expect(await audited('NOTICE_REPORT_TOO_OLD')).toBe(1);
    expect(await audited('NOTICE_REPORT_TOO_LARGE')).toBe(1);
    expect(await audited('NOTICE_REPORT_MALFORMED')).toBe(4);
  });

  test('of another company, or of none', async () => {
    const id = await sentNotice();
    const other = await secondCompany(ground);
    const foreign = await send(report(id, 'delivered'), { company: other.companyId });
    expect(foreign).toMatchObject({
      status: 200,
      answer: { results: [{ notice: id, result: 'refused', code: 'NOTICE_NOT_FOUND' }] },
    });
    const rows = await ground.writer.sql`
      select company_id as company from audit_entry where after->>'code' = 'NOTICE_NOT_FOUND'`;
    expect(rows).toMatchObject([{ company: other.companyId }]);
    const nobody = await send(report(id, 'delivered'), { company: 999_999 });
    expect(nobody).toMatchObject({ status: 404, answer: { code: 'NOTICE_COMPANY_UNKNOWN' } });
    expect(await audited('NOTICE_COMPANY_UNKNOWN')).toBe(1);
    expect(await states(id)).toBe('queued sent');
    expect((await send('', { method: 'GET' })).status).toBe(405);
    expect(errors).toEqual([]);
  });
});
