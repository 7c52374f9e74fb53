import { Outcome } from '../../../../../src/domain/outcome.ts';

export type Fault = Outcome<number, 'FAULT'>;
