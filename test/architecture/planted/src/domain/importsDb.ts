import { insertReading } from '../db/reading.ts';

export const fault = insertReading;
