import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const graphqlMain = fileURLToPath(new URL('./node_modules/graphql/index.js', import.meta.url));
const globalSetup = './test/support/globalSetup.ts';

// CI sums the results of its suites.
const resultsFile = process.env['TEST_RESULTS_FILE'];

export default defineConfig({
  // As Node resolves it: its "module" entry would be a second copy beside the one its users load.
  resolve: { alias: [{ find: /^graphql$/, replacement: graphqlMain }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/peers/**', 'test/architecture/planted/**'],
    globalSetup: existsSync(globalSetup) ? [globalSetup] : [],
    reporters: resultsFile === undefined ? ['default'] : ['default', 'json'],
    ...(resultsFile === undefined ? {} : { outputFile: { json: resultsFile } }),
    // Piscina, native add-ons and a crash on purpose want processes, not threads.
    pool: 'forks',
    // Each worker has a database of its own; two keep a small machine free for Postgres.
    maxWorkers: 2,
    // They end what hangs; no busy machine is told as a fault.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    // A suite that finds nothing is not green.
    passWithNoTests: false,
    allowOnly: false,
  },
});
