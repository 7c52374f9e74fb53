import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findEdgeKeys } from '../../src/db/edges.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import type { Role } from '../../src/domain/access/viewer.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { revokeEdgeKey } from '../../src/operations/revokeEdgeKey.ts';
import { openGround, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('edge_keys');
});
afterAll(() => ground.close());

const [headEnd] = smallFleet().edges;
const [oldKey] = headEnd.publicKeys;
const newKey = generateKeyPairSync('ed25519')
  .publicKey.export({ format: 'der', type: 'spki' })
  .subarray(-32);
const keyId = Buffer.from(keyIdOf(oldKey)).toString('hex');

function register(publicKeys: readonly Uint8Array[]) {
  const fleet = { ...smallFleet(), edges: [{ ...headEnd, publicKeys }] };
  return registerFleet({ sql: ground.writer.sql, clock: ground.clock }, fleet);
}

function revoke(change: { role?: Role; keyId?: string; reason?: string; key?: string } = {}) {
  const { role = 'administrator', key = randomUUID(), reason = 'gateway stolen' } = change;
  return revokeEdgeKey({ sql: ground.api.sql, clock: ground.clock }, ground.viewer(role), {
    idempotencyKey: key,
    keyId: change.keyId ?? keyId,
    reason,
  });
}

async function states() {
  const rows = await findEdgeKeys(ground.writer.sql, [keyIdOf(oldKey), keyIdOf(newKey)]);
  return new Map(rows.map((row) => [Buffer.from(row.keyId).toString('hex'), row.isRevoked]));
}

test('who may not, gives no reason, or names a key of nobody changes nothing', async () => {
  expect(await revoke({ role: 'operator' })).toMatchObject({ code: 'NOT_PERMITTED' });
  expect(await revoke({ reason: ' ' })).toMatchObject({ code: 'REASON_MISSING' });
  expect(await revoke({ keyId: '00'.repeat(16) })).toMatchObject({ code: 'EDGE_KEY_NOT_FOUND' });
  expect(await revoke({ keyId: 'x' })).toMatchObject({ code: 'EDGE_KEY_NOT_FOUND' });
  expect(await states()).toEqual(new Map([[keyId, false]]));
});

test("another company's key is not found", async () => {
  const stranger = generateKeyPairSync('ed25519')
    .publicKey.export({ format: 'der', type: 'spki' })
    .subarray(-32);
  const other = { ...smallFleet('South Grid'), edges: [{ ...headEnd, publicKeys: [stranger] }] };
  const made = await registerFleet({ sql: ground.writer.sql, clock: ground.clock }, other);
  expect(made.ok).toBe(true);
  const strangerId = Buffer.from(keyIdOf(stranger)).toString('hex');
  expect(await revoke({ keyId: strangerId })).toMatchObject({ code: 'EDGE_KEY_NOT_FOUND' });
});

test('a second key is added by declaring it; the first is revoked once', async () => {
  expect(await register([oldKey, newKey])).toMatchObject({ ok: true });
  const key = randomUUID();
  expect(await revoke({ key, keyId: keyId.toUpperCase() })).toMatchObject({
    ok: true,
    value: { keyId, edgeName: 'head-end', revokedAtMs: ground.clock.nowMs(), isReplay: false },
  });
  expect(await revoke({ key })).toMatchObject({ ok: true, value: { isReplay: true } });
  expect(await revoke()).toMatchObject({ ok: false, code: 'EDGE_KEY_REVOKED' });
  const newKeyId = Buffer.from(keyIdOf(newKey)).toString('hex');
  expect(await states()).toEqual(
    new Map([
      [keyId, true],
      [newKeyId, false],
    ]),
  );
  const audit = await ground.writer.sql`
    select actor, subject, after->>'reason' as reason from audit_entry
    where action = 'edge_key.revoke'`;
  expect(audit).toHaveLength(1);
  expect(audit[0]).toMatchObject({ actor: 'administrator:one', reason: 'gateway stolen' });
});

test('a declaration that still names a revoked key is refused, and revives nothing', async () => {
  const refused = await register([oldKey, newKey]);
  expect(refused).toMatchObject({ ok: false, code: 'FLEET_KEY_REVOKED' });
  expect(!refused.ok && refused.message).toContain(Buffer.from(oldKey).toString('base64'));
  expect((await states()).get(keyId)).toBe(true);
  expect(await register([newKey])).toMatchObject({ ok: true });
});

test('the API makes no revoked key good again', async () => {
  await expect(
    ground.api.sql.begin(async (tx) => {
      await tx`select set_config('joulebook.company_id', ${String(ground.fleet.companyId)}, true),
                      set_config('joulebook.scope', 'company', true)`;
      const undone = await tx`update edge_key set revoked_at = null where revoked_at is not null`;
      expect(undone.count).toBe(0);
      await tx`update edge_key set revoked_at = null where revoked_at is null`;
    }),
  ).rejects.toThrow(/row-level security/);
});
