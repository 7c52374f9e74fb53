import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { takeMqttBatch } from '../../src/ingest/mqttBatch.ts';
import { refuse } from '../../src/domain/outcome.ts';

test('what is wrong beside a payload or with its envelope is what MQTT is told', async () => {
  const answer = refuse('BATCH_MALFORMED', 'This is not a signed batch: a field at byte 0.');
  const intake = {
    offer: () => Promise.resolve({ kind: 'answered', answer } as const),
    whenRoom: () => Promise.resolve(),
    isOpen: () => true,
  };
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = { keyId: Uint8Array.of(1), privateKey };
  const told = async (batch: { payload: Uint8Array; keyId?: string; signature?: string }) => {
    const taken = await takeMqttBatch({ intake, key }, { ...batch, source: 'a test' });
    return Buffer.from(taken?.payload ?? []).toString('utf8');
  };
  const envelope = Buffer.from('{"keyId":"00","signature":"AA==","batch":"{}"}');
  expect(await told({ payload: envelope })).toContain('its signature is not 64 bytes in base64');
  const beside = { payload: Buffer.from('{}'), signature: 'AA==' };
  expect(await told(beside)).toContain('its key id is not 1 to 32 bytes');
  expect(await told({ payload: Uint8Array.of(1) })).toContain('a field at byte 0');
});
