import { intake } from '../ingest/intake.ts';

export const fault = intake;
