import { join } from 'node:path';
import type { Demo } from './demoWorld.ts';
import type { DemoTokens } from './demoTokens.ts';
import type { StartedIntake } from './startIntake.ts';

export type Ready = {
  readonly graphql: string;
  readonly mqtt: string | null;
  readonly intake: StartedIntake;
  readonly tokens: DemoTokens;
  /** Holds each token in a file of its role's name. */
  readonly tokensFolder: string;
  readonly demo: Demo;
};

function globalId(type: string, id: number): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

/** One line of JSON for scripts. */
export function readyLine({ graphql, mqtt, intake, tokens, demo }: Ready): string {
  const [account] = demo.accounts;
  return JSON.stringify({
    graphql,
    websocket: graphql.replace(/^http/, 'ws'),
    mqtt,
    intake: intake.url,
    receiptKey: intake.receiptKey,
    tokens,
    account: globalId('Account', account.accountId),
    operations: { Balances: demo.partnerOperation },
  });
}

/** For a POSIX shell, inside "$(...)". */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

function curl(
  { graphql, tokensFolder }: Ready,
  role: keyof DemoTokens,
  { body, stream = false }: { body: object; stream?: boolean },
): string {
  const token = quoted(join(tokensFolder, role));
  return [
    `curl -s ${stream ? `-N -H 'accept: text/event-stream' ` : ''}${graphql} \\`,
    ` -H 'content-type: application/json' -H "authorization: Bearer $(cat ${token})" \\`,
    ` -d '${JSON.stringify(body)}'`,
  ].join('\n');
}

const balancesQuery = '{accounts(first:3){edges{node{number balance{amount currency}}}}}';
const balanceStream =
  'subscription($id:ID!){accountBalance(accountId:$id){__typename ' +
  // Under another name: here it is never null, and GraphQL merges only fields of one type.
  '...on AccountSnapshot{now:balance{amount}} ' +
  '...on AccountBalanceChange{emittedAt energy{wattHours} balance{amount}}}}';
const payment =
  'mutation($input:TopUpInput!){topUp(input:$input){__typename ' +
  '...on TopUpPayload{isReplay balance{amount}} ...on UserError{code message}}}';

/** What a newcomer sees when everything runs: addresses, tokens, three things to paste. */
export function welcomeText(ready: Ready, { paymentKey }: { paymentKey: string }): string {
  const { graphql, mqtt, intake, tokens, tokensFolder, demo } = ready;
  const [account] = demo.accounts;
  const id = globalId('Account', account.accountId);
  const input = { accountId: id, amount: '10.00', currency: 'EUR', idempotencyKey: paymentKey };
  return [
    '',
    `Tokens, good for a day; the subscriber is ${account.number}. Each is also a file in`,
    tokensFolder,
    ...Object.entries(tokens).flatMap(([role, token]) => [`${role}:`, token]),
    '',
    `GraphQL    ${graphql}  (GraphiQL in a browser that is online)`,
    `WebSocket  ${graphql.replace(/^http/, 'ws')}`,
    `Batches    ${intake.url}/v1/batches  (docs/ingest.md)`,
    ...(mqtt === null ? [] : [`MQTT       ${mqtt}  topic energy/billing/updates`]),
    '',
    'Three things to try, in another terminal:',
    '',
    '1. Ask for three balances.',
    curl(ready, 'operator', { body: { query: balancesQuery } }),
    '',
    `2. Follow the balance of ${account.number} live; Ctrl-C there ends it.`,
    curl(ready, 'subscriber', {
      body: { query: balanceStream, variables: { id } },
      stream: true,
    }),
    '',
    `3. Top ${account.number} up by 10.00; a second time is no second payment, by its key.`,
    curl(ready, 'subscriber', { body: { query: payment, variables: { input } } }),
    '',
    '',
  ].join('\n');
}
