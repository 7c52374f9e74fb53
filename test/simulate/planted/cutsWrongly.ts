import type { SwitchTarget } from '../../../src/operations/sendCommand.ts';
import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** What was decided once is written, whoever has paid or is protected by now. */
const sendUndecided: Operations['sendCommand'] = async (deps, commandId) => {
  const targets = await deps.sql<SwitchTarget[]>`
    select m.id as "meterId", m.bus_id as "busId", m.unit_id as "unitId", m.map_name as "mapName",
           m.contactor_unit_id as "contactorUnitId", m.contactor_coil as "contactorCoil",
           m.limiter_register as "limiterRegister"
    from command c join meter m on m.id = c.meter_id
    where c.id = ${commandId}::uuid and c.kind = 'disconnect' and m.bus_id is not null`;
  for (const target of targets) await deps.link.writeSwitch(target, false);
  return productionOperations.sendCommand(deps, commandId);
};

export const cutsUndecided: Operations = { ...productionOperations, sendCommand: sendUndecided };

/** A policy without the hours that it promises. */
const publishPolicy: Operations['publishPolicy'] = (deps, viewer, input) => {
  const document = { ...Object(input.document), protectedHours: [] };
  return productionOperations.publishPolicy(deps, viewer, { ...input, document });
};

export const forgetsHours: Operations = { ...productionOperations, publishPolicy };

/** What was written is taken for done. */
const sendBlindly: Operations['sendCommand'] = (deps, commandId) => {
  const verified = { ok: true, value: { verifiedAtMs: deps.clock.nowMs(), powerW: null } } as const;
  const link = {
    ...deps.link,
    writeSwitch: async (target: SwitchTarget, on: boolean) => {
      await deps.link.writeSwitch(target, on);
      return { ok: true, value: { acknowledgedAtMs: deps.clock.nowMs() } } as const;
    },
    verifySwitch: () => Promise.resolve(verified),
  };
  return productionOperations.sendCommand({ ...deps, link }, commandId);
};

export const verifiesBlindly: Operations = { ...productionOperations, sendCommand: sendBlindly };

/** Nothing says why a cut was sent. */
const sendUncertified: Operations['sendCommand'] = (deps, commandId) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('insert into command_certificate')
      ? Promise.resolve([])
      : statement.run(),
  );
  return productionOperations.sendCommand({ ...deps, sql }, commandId);
};

export const forgetsCertificates: Operations = {
  ...productionOperations,
  sendCommand: sendUncertified,
};

/** A payment asks nothing of the supply. */
const payBlindly: Operations['topUp'] = (deps, viewer, input) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('"hasContactor"') ? Promise.resolve([]) : statement.run(),
  );
  return productionOperations.topUp({ ...deps, sql }, viewer, input);
};

/** Nor does anybody look for those who are still off. */
export const leavesInTheDark: Operations = {
  ...productionOperations,
  topUp: payBlindly,
  sweepSupplies: () => Promise.resolve({ requested: [] }),
};
