import { request } from 'node:http';
import type { Agent } from 'node:http';

/** The answer's status once it is read to its end. */
export function post(
  { agent, url, headers }: { agent: Agent; url: string; headers: Record<string, string> },
  body: Uint8Array | string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: 'POST', headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
