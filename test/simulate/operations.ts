import { adjustBalance } from '../../src/operations/adjustBalance.ts';
import { accrueTime } from '../../src/operations/accrueTime.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { publishTariff } from '../../src/operations/publishTariff.ts';
import { editReading } from '../../src/operations/office/editReading.ts';
import { correctQuarantined } from '../../src/operations/office/correctQuarantined.ts';
import { recordReadings } from '../../src/operations/office/recordReadings.ts';
import {
  dismissQuarantined,
  replayQuarantined,
} from '../../src/operations/office/replayQuarantined.ts';
import { retryReadings } from '../../src/operations/office/retryReadings.ts';
import { exchangeMeter } from '../../src/operations/exchangeMeter.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { recordMark } from '../../src/operations/recordMark.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { beginModes } from '../../src/operations/prepaid/beginModes.ts';
import { changeAccount } from '../../src/operations/prepaid/changeAccount.ts';
import { changeMode } from '../../src/operations/prepaid/changeMode.ts';
import { noteIdleDays } from '../../src/operations/prepaid/noteIdleDays.ts';
import { publishPolicy, putUnderPolicy } from '../../src/operations/prepaid/publishPolicy.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import {
  addProtection,
  endProtection,
  endWorkOrder,
} from '../../src/operations/supply/protections.ts';
import { watchSupplies } from '../../src/operations/supply/watchSupply.ts';
import { sweepCommands } from '../../src/operations/sweepCommands.ts';
import { sweepSupplies } from '../../src/operations/sweepSupplies.ts';
import { applyPaymentEvent } from '../../src/operations/payments/applyPaymentEvent.ts';
import { settlePayout } from '../../src/operations/payments/settlePayout.ts';
import { takeEmergencyCredit } from '../../src/operations/prepaid/takeEmergencyCredit.ts';
import { topUp } from '../../src/operations/topUp.ts';
import { useVoucher } from '../../src/operations/vouchers/useVoucher.ts';

/** The operations under test. Planted faults replace one of them. */
export const productionOperations = {
  accrueTime,
  beginModes,
  changeAccount,
  changeMode,
  commitBatches,
  correctQuarantined,
  dismissQuarantined,
  editReading,
  exchangeMeter,
  noteIdleDays,
  rateReadings,
  recordMark,
  recordReadings,
  replayQuarantined,
  registerFleet,
  retryReadings,
  publishTariff,
  applyPaymentEvent,
  settlePayout,
  addProtection,
  adjustBalance,
  endProtection,
  endWorkOrder,
  publishPolicy,
  putUnderPolicy,
  sendCommand,
  sweepCommands,
  sweepSupplies,
  takeEmergencyCredit,
  topUp,
  useVoucher,
  watchSupplies,
};
export type Operations = typeof productionOperations;
