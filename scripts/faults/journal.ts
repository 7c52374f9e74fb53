import { DatabaseSync } from 'node:sqlite';

/** What a gateway made and what it was told: the truth that the system is judged by. */
export type JournalBatch = {
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly hash: string;
  readonly carried: Uint8Array;
};

export type JournalReading = {
  readonly meterId: number;
  readonly atMs: number;
  readonly wh: bigint;
};

/**
 * On disk, as a gateway's buffer is: a batch is written before it is sent for the first time. The
 * batch stays after its receipt, because the oracle asks for it.
 */
export class Journal {
  readonly #db: DatabaseSync;

  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    // The runner itself is not killed: WAL without a sync at each commit is enough here.
    this.#db.exec(`
      pragma journal_mode = wal; pragma synchronous = off;
      create table batch (edge int, epoch int, sequence int, hash text, carried blob,
        made_ms int, sends int not null default 0, acknowledged_ms int, refused text,
        primary key (edge, epoch, sequence)) without rowid;
      create index batch_open on batch (edge, epoch, sequence)
        where acknowledged_ms is null and refused is null;
      create table reading (meter int, at_ms int, wh int, primary key (meter, at_ms)) without rowid;
    `);
  }

  add(batch: JournalBatch, readings: readonly JournalReading[], nowMs: number): void {
    const { edgeId, epoch, sequence, hash, carried } = batch;
    this.#db.exec('begin');
    this.#db
      .prepare(
        'insert into batch (edge, epoch, sequence, hash, carried, made_ms) values (?,?,?,?,?,?)',
      )
      .run(edgeId, epoch, sequence, hash, carried, nowMs);
    // The same reading may be in two batches; it counts once.
    const insert = this.#db.prepare('insert or ignore into reading values (?,?,?)');
    for (const { meterId, atMs, wh } of readings) insert.run(meterId, atMs, wh);
    this.#db.exec('commit');
  }

  countSend(edgeId: number, { epoch, sequence }: { epoch: number; sequence: number }): void {
    this.#db
      .prepare('update batch set sends = sends + 1 where edge = ? and epoch = ? and sequence = ?')
      .run(edgeId, epoch, sequence);
  }

  /** True for the first answer: a batch that was resent may have several. */
  acknowledge(
    edgeId: number,
    { epoch, sequence, nowMs }: { epoch: number; sequence: number; nowMs: number },
  ): boolean {
    const { changes } = this.#db
      .prepare(
        `update batch set acknowledged_ms = ?
         where edge = ? and epoch = ? and sequence = ? and acknowledged_ms is null`,
      )
      .run(nowMs, edgeId, epoch, sequence);
    return Number(changes) === 1;
  }

  refuse(edgeId: number, { sequence, code }: { sequence: number; code: string }): void {
    this.#db
      .prepare('update batch set refused = ? where edge = ? and sequence = ?')
      .run(code, edgeId, sequence);
  }

  /** The oldest batches that have no receipt yet. */
  open(edgeId: number, limit: number): readonly JournalBatch[] {
    const rows = this.#db
      .prepare(
        `select epoch, sequence, hash, carried from batch
         where edge = ? and acknowledged_ms is null and refused is null
         order by epoch, sequence limit ?`,
      )
      .all(edgeId, limit);
    return rows.map((row) => ({
      edgeId,
      epoch: Number(row['epoch']),
      sequence: Number(row['sequence']),
      hash: String(row['hash']),
      carried: row['carried'] instanceof Uint8Array ? row['carried'] : new Uint8Array(0),
    }));
  }

  one(edgeId: number, sequence: number): JournalBatch | null {
    const row = this.#db
      .prepare('select epoch, hash, carried from batch where edge = ? and sequence = ?')
      .get(edgeId, sequence);
    if (row === undefined || !(row['carried'] instanceof Uint8Array)) return null;
    const { hash, carried } = row;
    return { edgeId, epoch: Number(row['epoch']), sequence, hash: String(hash), carried };
  }

  /** edge/epoch/sequence -> hash, of those with a receipt. */
  acknowledged(): ReadonlyMap<string, string> {
    const rows = this.#db
      .prepare('select edge, epoch, sequence, hash from batch where acknowledged_ms is not null')
      .all();
    return new Map(
      rows.map((row) => [
        [row['edge'], row['epoch'], row['sequence']].map(String).join('/'),
        String(row['hash']),
      ]),
    );
  }

  openCount(): number {
    const row = this.#db
      .prepare('select count(*) as n from batch where acknowledged_ms is null and refused is null')
      .get();
    return Number(row?.['n'] ?? 0);
  }

  counts(): { made: number; acknowledged: number; sends: number; refused: number } {
    const row = this.#db
      .prepare(
        `select count(*) as made, count(acknowledged_ms) as acknowledged, sum(sends) as sends,
                count(refused) as refused from batch`,
      )
      .get();
    const of = (name: string): number => Number(row?.[name] ?? 0);
    return {
      made: of('made'),
      acknowledged: of('acknowledged'),
      sends: of('sends'),
      refused: of('refused'),
    };
  }

  refusals(): readonly string[] {
    return this.#db
      .prepare('select edge, sequence, refused from batch where refused is not null')
      .all()
      .map((row) =>
        ['edge', row['edge'], 'batch', row['sequence'], row['refused']].map(String).join(' '),
      );
  }

  *readings(): Generator<JournalReading> {
    const rows = this.#db
      .prepare('select meter, at_ms, wh from reading order by meter, at_ms')
      .iterate();
    for (const row of rows) {
      const wh = BigInt(Number(row['wh']));
      yield { meterId: Number(row['meter']), atMs: Number(row['at_ms']), wh };
    }
  }

  readingCount(): number {
    return Number(this.#db.prepare('select count(*) as n from reading').get()?.['n'] ?? 0);
  }

  close(): void {
    this.#db.close();
  }
}
