// Follows one account over a WebSocket and goes on where it was after every break:
//   node examples/follow.mjs WEBSOCKET_URL TOKEN_FILE ACCOUNT_ID [CURSOR]
import { readFileSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const [url, tokenFile, accountId, after = null] = process.argv.slice(2);
if (accountId === undefined) {
  console.error('usage: node examples/follow.mjs WEBSOCKET_URL TOKEN_FILE ACCOUNT_ID [CURSOR]');
  process.exit(2);
}

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  // A function: after the token's end it is asked again, so put a fresh token there.
  connectionParams: () => ({ token: readFileSync(tokenFile, 'utf8').trim() }),
  retryAttempts: 100,
  shouldRetry: () => true,
});
client.on('closed', ({ code, reason }) => console.error(`closed: ${code} ${reason}`));
client.on('connected', () => console.error('connected'));

const query = `subscription Follow($accountId: ID!, $after: Cursor) {
  accountBalance(accountId: $accountId, after: $after, mode: ALL) {
    __typename
    ... on StreamEvent { cursor emittedAt }
    ... on AccountSnapshot { now: balance { amount currency } }
    ... on AccountBalanceChange { cause energy { wattHours } balance { amount currency } }
  }
}`;

// The client sends this same object again when it reconnects, so the newest cursor goes with it.
const variables = { accountId, after };
const stream = client.iterate({ query, variables });
process.once('SIGINT', () => void client.dispose());

for await (const { data, errors } of stream) {
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  const event = data.accountBalance;
  console.log(JSON.stringify(event));
  variables.after = event.cursor; // when the event has been dealt with, not before
}
