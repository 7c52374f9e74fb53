import type { Demo } from './demoWorld.ts';
import type { DemoTokens } from './demoTokens.ts';

export type Ready = {
  readonly graphql: string;
  readonly mqtt: string | null;
  readonly tokens: DemoTokens;
  readonly demo: Demo;
};

function globalId(type: string, id: number): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

/** One line of JSON for scripts. */
export function readyLine({ graphql, mqtt, tokens, demo }: Ready): string {
  const [account] = demo.accounts;
  return JSON.stringify({
    graphql,
    websocket: graphql.replace(/^http/, 'ws'),
    mqtt,
    tokens,
    account: globalId('Account', account.accountId),
    operations: { Balances: demo.partnerOperation },
  });
}

function curl(
  { graphql, token, stream }: { graphql: string; token: string; stream?: boolean },
  body: object,
): string {
  const accept = stream === true ? `-N -H 'accept: text/event-stream' ` : '';
  return (
    `curl -s ${accept}${graphql} -H 'content-type: application/json' \\\n` +
    `  -H "authorization: Bearer ${token}" \\\n  -d '${JSON.stringify(body)}'`
  );
}

/** What a newcomer sees when everything runs: addresses, tokens, three things to paste. */
export function welcomeText(ready: Ready): string {
  const { graphql, mqtt, tokens, demo } = ready;
  const [account] = demo.accounts;
  const accountId = globalId('Account', account.accountId);
  const query = {
    query: '{ accounts(first: 3) { edges { node { number balance { amount currency } } } } }',
  };
  const subscription = {
    query:
      'subscription ($id: ID!) { accountBalance(accountId: $id) { __typename ' +
      '... on AccountBalanceChange { cursor emittedAt balance { amount } } ' +
      '... on AccountSnapshot { cursor balance { amount } } } }',
    variables: { id: accountId },
  };
  const payment = {
    query:
      'mutation ($input: TopUpInput!) { topUp(input: $input) { __typename ' +
      '... on TopUpPayload { isReplay account { balance { amount } } } ' +
      '... on UserError { code message } } }',
    variables: {
      input: {
        accountId,
        amount: '10.00',
        currency: 'EUR',
        idempotencyKey: '00000000-0000-4000-8000-000000000001',
      },
    },
  };
  return [
    '',
    `GraphQL    ${graphql}   (open it in a browser for GraphiQL)`,
    `WebSocket  ${graphql.replace(/^http/, 'ws')}`,
    ...(mqtt === null ? [] : [`MQTT       ${mqtt}   topic energy/billing/updates`]),
    '',
    'Tokens, good for a day and for this start only:',
    ...Object.entries(tokens).map(([role, token]) => `  ${role.padEnd(14)}${token}`),
    '',
    '1. Ask for three balances:',
    curl({ graphql, token: tokens.operator }, query),
    '',
    `2. Follow the balance of ${account.number} live (Ctrl-C ends it):`,
    curl({ graphql, token: tokens.subscriber, stream: true }, subscription),
    '',
    '3. Top it up by 10.00; run it twice: the key makes it one payment:',
    curl({ graphql, token: tokens.subscriber }, payment),
    '',
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}
