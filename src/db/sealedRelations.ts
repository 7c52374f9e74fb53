/**
 * What is sealed of which table. A landed entry is never changed: another list of columns is a
 * further entry with the next version, and blocks are verified by the version that they name.
 */

type ColumnKind = 'plain' | 'instant' | 'bytes';

export type SealedColumn = { readonly name: string; readonly kind: ColumnKind };

export type SealedRelation = {
  /** Table and version, as blocks name it. */
  readonly name: string;
  readonly table: string;
  /** Of the primary key, in its order, with the type to read a text back by. */
  readonly key: readonly { readonly name: string; readonly type: string }[];
  /** All columns; `xact` first. */
  readonly columns: readonly SealedColumn[];
};

/** Of a pass that looked at every table: all below its transaction is sealed. It has no rows. */
export const watermarkRelation = 'watermark/1';

const instants = new Set([
  'at',
  'period_start',
  'posted_at',
  'ended_at',
  'occurred_at',
  'received_at',
]);
const bytes = new Set(['body_hash', 'hash']);

function kindOf(name: string): ColumnKind {
  if (instants.has(name)) return 'instant';
  return bytes.has(name) ? 'bytes' : 'plain';
}

function relation(
  name: string,
  key: Readonly<Record<string, string>>,
  columns: string,
): SealedRelation {
  return {
    name,
    table: name.slice(0, name.indexOf('/')),
    key: Object.entries(key).map(([column, type]) => ({ name: column, type })),
    columns: ['xact', ...columns.split(' ')].map((column) => ({
      name: column,
      kind: kindOf(column),
    })),
  };
}

export const sealedRelations: readonly SealedRelation[] = [
  relation(
    'transfer/1',
    { id: 'uuid' },
    'id company_id currency debit_id credit_id amount_micros code account_id agreement_id ' +
      'meter_id period_start tariff_version_id log_shard log_position posted_at payment_id ' +
      'corrects reason_code',
  ),
  relation(
    'pending_end/1',
    { pending_id: 'uuid' },
    'pending_id company_id account_id end transfer_id ended_at',
  ),
  relation('audit_entry/1', { id: 'uuid' }, 'id company_id at actor action subject before after'),
  relation(
    'command_step/1',
    { command_id: 'uuid', ordinal: 'int2' },
    'command_id ordinal company_id account_id state at detail',
  ),
  relation(
    'provider_event/1',
    { channel_id: 'int4', event_id: 'text' },
    'channel_id event_id company_id kind payment_id part total_micros body_hash outcome ' +
      'occurred_at received_at',
  ),
  relation(
    'payment_step/1',
    { payment_id: 'uuid', ordinal: 'int2' },
    'payment_id ordinal company_id account_id kind amount_micros transfer_id event_id at detail',
  ),
  relation(
    'notice_step/1',
    { notice_id: 'uuid', ordinal: 'int2' },
    'notice_id ordinal company_id account_id state at detail',
  ),
  relation(
    'command_certificate/1',
    { command_id: 'uuid', stage: 'text' },
    'command_id stage company_id account_id document hash at',
  ),
  relation(
    'approval/1',
    { company_id: 'int4', subject: 'text', actor: 'text' },
    'company_id subject actor reason at',
  ),
];

/** The version by which rows are sealed from now on, of each table. */
export const newestRelations: readonly SealedRelation[] = [
  ...new Map(sealedRelations.map((each) => [each.table, each])).values(),
];
