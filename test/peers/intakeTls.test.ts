import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBroker } from '../../src/embedded/broker.ts';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import type { HttpIntake } from '../../src/ingest/httpIntake.ts';
import { createIntake } from '../../src/ingest/intake.ts';
import { readTls } from '../../src/ingest/intakeTls.ts';
import type { TlsFiles } from '../../src/ingest/intakeTls.ts';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { receiptKey } from '../ingest/intakeGround.ts';

/** Certificates made by openssl for this run; requirements 000.10 and 000.44 ask for TLS 1.3. */
let folder: string;
let files: TlsFiles;
let intake: HttpIntake;

function openssl(args: readonly string[]): void {
  try {
    execFileSync('openssl', args, { stdio: 'ignore' });
  } catch (error) {
    throw new Error('openssl is missing, or too old. Install it: apt-get install -y openssl', {
      cause: error,
    });
  }
}

/** Signed by itself, for 127.0.0.1. */
function certificate(name: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  openssl(['req', ...kind, '-days', '2', ...subject, '-keyout', key, '-out', cert]);
  chmodSync(key, 0o600);
  return { cert, key };
}

function tlsOf(given: TlsFiles) {
  const tls = readTls(given);
  if (!tls.ok) throw new Error(tls.message);
  return tls.value;
}

async function listen(given: TlsFiles): Promise<HttpIntake> {
  const queue = createIntake({
    commit: () => Promise.reject(new Error('there is no database')),
    clock: systemBusClock(),
    onCommitted: () => {},
    report: () => {},
  });
  const place = { host: '127.0.0.1', port: 0, tls: tlsOf(given) };
  const started = await startHttpIntake({
    ...place,
    intake: queue,
    key: receiptKey,
    report: () => {},
  });
  if (!started.ok) throw new Error(started.message);
  return started.value;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'joulebook-tls-'));
  const { cert, key } = certificate('server');
  files = { certFile: cert, keyFile: key, caFile: null };
  intake = await listen(files);
});
afterAll(async () => {
  await intake.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The protocol that both agree on, or `refused`. */
function handshake(url: string, options: ConnectionOptions = {}): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve) => {
    const terms = { host, port: Number(port), rejectUnauthorized: false, ...options };
    const socket = connect(terms, () => {
      const protocol = socket.getProtocol() ?? 'none';
      // A certificate that is missing is refused after TLS 1.3's first flight.
      socket.write('\0');
      socket.once('close', () => resolve(protocol));
      setImmediate(() => socket.end());
    });
    socket.on('error', () => resolve('refused'));
    socket.resume();
  });
}

/** The status of the health, or why there is none. */
function health(url: string, client: { cert?: string; key?: string } = {}): Promise<string> {
  const ca = readFileSync(files.certFile);
  return new Promise((resolve) => {
    const asked = request(`${url}/v1/health`, { ca, ...client }, (response) => {
      response.resume();
      resolve(String(response.statusCode));
    });
    asked.on('error', () => resolve('refused'));
    asked.end();
  });
}

test('HTTPS speaks TLS 1.3 and nothing older (000.10, 000.44)', async () => {
  expect(intake.url).toMatch(/^https:/);
  expect(await handshake(intake.url)).toBe('TLSv1.3');
  expect(await handshake(intake.url, { maxVersion: 'TLSv1.2' })).toBe('refused');
  expect(await health(intake.url)).toBe('200');
});

test('with an authority of senders, only who shows its certificate is heard', async () => {
  const sender = certificate('sender');
  const stranger = certificate('stranger');
  const mutual = await listen({ ...files, caFile: sender.cert });
  const pem = ({ cert, key }: typeof sender) => ({
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  });
  expect(await health(mutual.url, pem(sender))).toBe('200');
  expect(await health(mutual.url, pem(stranger))).toBe('refused');
  expect(await health(mutual.url)).toBe('refused');
  await mutual.close();
});

test('the embedded broker has a listener for TLS 1.3 beside the plain one', async () => {
  const started = await startBroker({
    port: 0,
    tlsPort: 0,
    tls: tlsOf(files),
    onProblem: () => {},
  });
  if (!started.ok) throw new Error(started.message);
  const { tlsUrl, stop } = started.value;
  const url = (tlsUrl ?? '').replace('mqtts:', 'https:');
  expect(await handshake(url)).toBe('TLSv1.3');
  expect(await handshake(url, { maxVersion: 'TLSv1.2' })).toBe('refused');
  await stop();
});

test('a key that others can read, or that is of another certificate, is refused', () => {
  const other = certificate('other');
  expect(readTls({ ...files, keyFile: other.key })).toMatchObject({ code: 'TLS_MALFORMED' });
  const open = join(folder, 'open.key');
  writeFileSync(open, readFileSync(files.keyFile), { mode: 0o644 });
  expect(readTls({ ...files, keyFile: open })).toMatchObject({ code: 'TLS_KEY_EXPOSED' });
  expect(readTls({ ...files, certFile: join(folder, 'none') })).toMatchObject({
    code: 'TLS_FILE_MISSING',
  });
});
