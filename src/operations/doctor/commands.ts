import { cutsOfProtected, wrongCommands } from '../../db/doctor/commandPages.ts';
import { firstUuid } from '../../db/doctor/transferPages.ts';
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
