import { createHash } from 'node:crypto';
import {
  cutsOfProtected,
  findStoppedCuts,
  findWrongSupplies,
  nextCertificates,
  wrongCommands,
} from '../../db/doctor/commandPages.ts';
import { firstUuid } from '../../db/doctor/transferPages.ts';
import { breakerPeople, supplyPatienceMs } from '../../domain/command/limits.ts';
import { canonicalJson } from '../supply/certificate.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

const messages: ReadonlyMap<string, string> = new Map([
  ['COMMAND_ENDED_TWICE', 'It has more than one end among its steps.'],
  ['COMMAND_STATE_UNTOLD', 'Its state is not what its last step says.'],
  ['COMMAND_WITHOUT_CERTIFICATE', 'Nothing says why it was requested.'],
  ['CUT_SENT_UNDECIDED', 'It was sent and not decided again at that moment.'],
  ['CUT_AGAINST_A_RULE', 'Its certificate holds a rule that prevents the cut.'],
  ['SENT_TOO_LATE', 'It was sent after the instant up to which it was good.'],
  ['VERIFIED_WITHOUT_CHANGE', 'It was verified, and no change of the supply is on record.'],
  ['SUPPLY_NOT_ITS_LAST_CHANGE', 'Its state is not what its last verified command left.'],
  ['CHANGE_WITHOUT_COMMAND', 'A change of it is not what a verified command of it does.'],
  ['PAID_AND_STILL_CUT', 'It is paid for, and nothing brings it back.'],
  ['COMMAND_OVERDUE', 'Its time is over and it has no end: the sweep of the workers does not run.'],
  ['CUT_WHILE_TRIPPED', 'It was requested by itself while the breaker of its region had tripped.'],
  ['CUT_BEFORE_RECONCILED', 'It was requested by itself before a restore was reconciled.'],
]);

export const commands: DoctorCheck = {
  name: 'commands',
  invariant:
    'A command has one end and a certificate at each stage; none is sent late or past a rule.',
  async *find(context) {
    const rows = pagesOf(context, firstUuid, (after) => wrongCommands(context.tx, after));
    for await (const { id, code } of rows) {
      yield { code, subject: `command/${id}`, message: messages.get(code) ?? 'It is not sound.' };
    }
  },
};

export const protectedCuts: DoctorCheck = {
  name: 'protected cuts',
  invariant: 'No protected customer is cut by itself.',
  async *find({ tx }) {
    for (const { id, kind } of await cutsOfProtected(tx)) {
      const message = `It was requested by itself while the account was protected (${kind}).`;
      yield { code: 'PROTECTED_WAS_CUT', subject: `command/${id}`, message };
    }
  },
};

export const certificates: DoctorCheck = {
  name: 'certificates',
  invariant: 'A certificate is the document that was hashed, and is of its command and stage.',
  async *find(context) {
    const rows = pagesOf(context, firstUuid, (after) => nextCertificates(context.tx, after));
    for await (const { commandId, stage, document, hash } of rows) {
      const subject = `command/${commandId}`;
      if (!createHash('sha256').update(canonicalJson(document)).digest().equals(hash)) {
        const message = `Its certificate of stage ${stage} has another hash than its document.`;
        yield { code: 'CERTIFICATE_HASH_WRONG', subject, message };
      }
    }
  },
};

export const supplies: DoctorCheck = {
  name: 'supplies',
  invariant: 'A supply is what its last verified command left, and who has paid is not kept cut.',
  async *find({ tx, nowMs }) {
    for (const row of await findWrongSupplies(tx, { nowMs, patienceMs: supplyPatienceMs })) {
      yield { ...row, message: messages.get(row.code) ?? 'It is not sound.' };
    }
  },
};

export const stoppedCuts: DoctorCheck = {
  name: 'stopped-cuts',
  invariant: 'While a breaker has tripped or a restore is open nobody is cut by itself.',
  async *find({ tx }) {
    const query = { people: breakerPeople, patienceMs: supplyPatienceMs };
    for (const row of await findStoppedCuts(tx, query)) {
      yield { ...row, message: messages.get(row.code) ?? 'It is not sound.' };
    }
  },
};
