import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Against real Redis, mosquitto, mbpoll, pymodbus and socat; where one is absent it fails. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/peers/**/*.test.ts'],
      // The peers hold ports and processes; one file at a time.
      fileParallelism: false,
    },
  }),
);
