import { freshDatabase } from '../support/postgres.ts';
import { testQueues } from './queueContract.ts';

testQueues('Postgres', async () => {
  const { url } = await freshDatabase('queues');
  return { kind: 'postgres', url };
});
