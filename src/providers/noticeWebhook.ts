import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { webhookAgeMsMax } from '../domain/payment/limits.ts';
import { reportsPerMessageMax } from '../domain/prepaid/limits.ts';
import type { NoticeAnswer, NoticeSender, ReadReports } from '../domain/prepaid/notice.ts';

/** A gateway that takes longer is tried again. */
const gatewayMsMax = 10_000;
/** What it says of a notice: an id, a state, a reason. */
const answerBytesMax = 16_384;

const answerShape = z.object({
  id: z.string().max(200).optional(),
  state: z.enum(['sent', 'delivered']).default('sent'),
});

type NoticeGateway = {
  readonly url: string;
  readonly secret: string;
  readonly nowMs: () => number;
};

/** Of `<seconds>.<body>`, so that neither can be changed nor an old one be sent again unseen. */
function signatureOf(secret: string, { at, body }: { at: string; body: string }): string {
  return `v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

/** Null: it is longer than any answer, and the rest of it is not waited for. */
async function answerOf(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function post({ url, secret, nowMs }: NoticeGateway, body: string): Promise<NoticeAnswer> {
  const at = String(Math.floor(nowMs() / 1_000));
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(gatewayMsMax),
    headers: {
      'content-type': 'application/json',
      'joulebook-timestamp': at,
      'joulebook-signature': signatureOf(secret, { at, body }),
    },
    body,
  });
  const text = await answerOf(response);
  if (!response.ok) return { state: 'failed', detail: `HTTP ${response.status}` };
  if (text === null) return { state: 'failed', detail: 'answer too long' };
  if (text === '') return { state: 'sent', detail: '' };
  const parsed = answerShape.safeParse(JSON.parse(text));
  if (!parsed.success) return { state: 'failed', detail: 'answer malformed' };
  return { state: parsed.data.state, detail: parsed.data.id ?? '' };
}

/**
 * Notices by the company's own messaging gateway, which knows names and addresses: a signed POST
 * of the notice. Its answer says that it was taken, or arrived already.
 */
export function createNoticeWebhook(gateway: NoticeGateway): NoticeSender {
  return {
    async send(message) {
      const { atMs, ...rest } = message;
      const body = JSON.stringify({ ...rest, at: new Date(atMs).toISOString() });
      try {
        return await post(gateway, body);
      } catch (error) {
        const detail = error instanceof Error ? error.name : 'unreachable';
        return { state: 'failed', detail };
      }
    },
  };
}

const reportsShape = z.strictObject({
  reports: z
    .array(
      z.object({
        notice: z.uuid(),
        state: z.enum(['delivered', 'failed']),
        detail: z.string().max(200).default(''),
      }),
    )
    .min(1)
    .max(reportsPerMessageMax),
});

function isSame(given: string, expected: string): boolean {
  const [left, right] = [given, expected].map((text) =>
    createHmac('sha256', 'compare').update(text).digest(),
  );
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return null;
  }
}

/**
 * Reports of arrival. They are signed over `reports.<seconds>.<body>`, so that no notice of ours
 * that somebody sends back is one.
 */
export function createReportReader(secret: string): ReadReports {
  return (body, headers, nowMs) => {
    const { 'joulebook-timestamp': at, 'joulebook-signature': signature } = headers;
    const isSigned =
      typeof at === 'string' && /^\d{1,12}$/.test(at) && typeof signature === 'string';
    const hmac = createHmac('sha256', secret)
      .update(`reports.${String(at)}.`)
      .update(body);
    if (!isSigned || !isSame(signature, `v1=${hmac.digest('hex')}`)) {
      const message = 'Sign "reports.", the time, a full stop and the body with the secret.';
      return refuse('NOTICE_SIGNATURE_WRONG', message);
    }
    if (Math.abs(nowMs - Number(at) * 1_000) > webhookAgeMsMax) {
      const message = `A report is at most ${webhookAgeMsMax / 1_000} s old. Sign it again.`;
      return refuse('NOTICE_REPORT_TOO_OLD', message);
    }
    const shaped = reportsShape.safeParse(parsed(body));
    if (!shaped.success) {
      const message = 'Send {"reports": [{"notice": ..., "state": "delivered" or "failed"}]}.';
      return refuse('NOTICE_REPORT_MALFORMED', message);
    }
    return accept(
      shaped.data.reports.map(({ notice, ...rest }) => ({ ...rest, noticeId: notice })),
    );
  };
}

export type NoticeSecretCode = 'NOTICE_SECRET_MISSING' | 'NOTICE_SECRET_EXPOSED';

/** The gateway's secret, from a file that nobody else may read. */
export function readNoticeSecret(file: string): Outcome<string, NoticeSecretCode> {
  try {
    const mode = statSync(file).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const message = `${file} has mode ${mode.toString(8)}, so others can read it. chmod 600 it.`;
      return refuse('NOTICE_SECRET_EXPOSED', message);
    }
    const secret = readFileSync(file, 'utf8').trim();
    if (secret.length >= 16) return accept(secret);
  } catch {
    // The same answer: there is no secret to be had.
  }
  const message = `${file} holds no secret of 16 characters or more. Write one (0600).`;
  return refuse('NOTICE_SECRET_MISSING', message);
}
