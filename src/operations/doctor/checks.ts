import { audit } from './audit.ts';
import { balances } from './balances.ts';
import { charges } from './charges.ts';
import type { DoctorCheck } from './check.ts';
import { certificates, commands, protectedCuts, stoppedCuts, supplies } from './commands.ts';
import { clearing } from './clearing.ts';
import { guards, integers } from './guards.ts';
import { keys } from './keys.ts';
import { debts, emergencyCredit, notices } from './life.ts';
import { idleDays, modes } from './modes.ts';
import { agents, vouchers } from './moneyPlaces.ts';
import { payments, receipts } from './payments.ts';
import { pendings } from './pendings.ts';
import { providerCalls, tokens } from './providers.ts';
import { corrections, transfers } from './transfers.ts';
import { restores, seals } from './seals.ts';
import { trial } from './trial.ts';

/** Every invariant that is looked at in a live system; a further one is a file and a line here. */
export const doctorChecks: readonly DoctorCheck[] = [
  trial,
  transfers,
  balances,
  pendings,
  corrections,
  charges,
  keys,
  payments,
  receipts,
  clearing,
  debts,
  emergencyCredit,
  vouchers,
  agents,
  tokens,
  providerCalls,
  guards,
  integers,
  commands,
  certificates,
  protectedCuts,
  stoppedCuts,
  supplies,
  notices,
  modes,
  idleDays,
  audit,
  seals,
  restores,
];
