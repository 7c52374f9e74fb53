import { jobCatalogue } from '../workers/jobCatalogue.ts';

export const fault = jobCatalogue;
