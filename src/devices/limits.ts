/** Bounds of buses, devices and their switching; the others are in src/domain/limits.ts. */

/** Modbus TCP: 7 bytes of MBAP header and a PDU of 253 (Modbus Messaging on TCP/IP 1.0b, 4.1). */
export const modbusTcpFrameBytesMax = 260;
/** Modbus RTU: unit, PDU of 253, two bytes of CRC (Modbus over Serial Line 1.02, 2.5.1). */
export const modbusRtuFrameBytesMax = 256;
/** Reads waiting for one bus: two full rounds of the 247 addresses; more can never catch up. */
export const busReadsQueuedMax = 512;
/** Commands waiting for one bus: each is a person or a cut-off waiting for an answer. */
export const busCommandsQueuedMax = 64;
/** From asking to the answer, queue included: later than this the poller has asked again. */
export const busOperationMsMax = 15_000;
export const busConnectMsMax = 3_000;
/** A timer this late means that the process itself stood still: a long task, a suspended host. */
export const processStallMs = 50;
/** Silence between two requests on one bus; several serial gateways need it even over TCP. */
export const busGapMsMin = 5;
export const busBackOffMsMin = 250;
/** A bus that comes back is noticed within half a minute, and a dead one costs next to nothing. */
export const busBackOffMsMax = 30_000;
/** A shorter back-off is waited out in the queue: a unit that closes its connection would otherwise
 * cost its neighbours a read. */
export const busBackOffWaitedMsMax = 1_000;
/** One lost answer is noise, three in a row are a dead unit. */
export const breakerFailuresMax = 3;
export const breakerBackOffMsMin = 2_000;
export const breakerBackOffMsMax = 60_000;
/** What an open contactor may still show: the meter's own noise, not a load. */
export const openSupplyPowerWMax = 5n;
/** A contactor falls in tens of milliseconds; meters average power over one or two seconds. */
export const switchVerifyMsMax = 10_000;
export const switchVerifyPollMs = 200;
