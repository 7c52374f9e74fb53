export const fault = new URL('../workers/ratingThread.ts', import.meta.url);
