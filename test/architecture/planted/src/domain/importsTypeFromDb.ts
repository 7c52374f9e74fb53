export type Fault = import('../db/reading.ts').ReadingRow;
