import type { Checkpoint } from '../../wire/checkpoint.ts';

/** What is kept of the chain outside the database: a file, or a service of somebody else. */
export type CheckpointStore = {
  newest(): Promise<Checkpoint | null>;
  /** Durable when it resolves. */
  append(checkpoint: Checkpoint): Promise<void>;
};

/** One row of audit, as the file beside the table has it. */
export type AuditLine = {
  /** The block that sealed it and its place there: a start goes on after the last of them. */
  readonly seal: bigint;
  readonly row: number;
  readonly entry: object;
};

export type AuditFile = {
  /** Of the last whole line; null: the file is empty. */
  position(): Promise<{ readonly seal: bigint; readonly row: number } | null>;
  append(lines: readonly AuditLine[]): Promise<void>;
};
