/** MODE SENSE and MODE SELECT (SPC-5 6.14, 6.11): the caching page is all that there is. */
import {
  cachingModePage,
  ModePage,
  ModePageControl,
  modeDeviceSpecific,
} from '../../../spec/scsi/commands';
import { Sense } from '../../../spec/scsi/sense';
import { SrbStatus } from '../../../spec/vmbus/storage';
import {
  answer,
  checkCondition,
  good,
  invalidField,
  wrongBuffer,
  type ScsiData,
  type ScsiOutcome,
} from './scsi-outcome';
import { scsiLimits } from './scsi-limits';

/** What the commands tell and change. */
export interface ModeState {
  readonly isReadOnly: boolean;
  isWriteCacheEnabled: boolean;
}

const headerBytes = { six: 4, ten: 8 } as const;
type CommandSize = keyof typeof headerBytes;

const badList = checkCondition(Sense.invalidFieldInParameterList, SrbStatus.invalidRequest);
const badLength = checkCondition(Sense.parameterListLengthError, SrbStatus.invalidRequest);

function lengthField(cdb: Uint8Array, size: CommandSize): number {
  return size === 'six' ? (cdb[4] ?? 0) : ((cdb[7] ?? 0) << 8) | (cdb[8] ?? 0);
}

function cachingPage({ isWriteCacheEnabled }: ModeState, control: number): Uint8Array {
  const page = new Uint8Array(2 + cachingModePage.lengthBytes);
  page[0] = ModePage.caching;
  page[1] = cachingModePage.lengthBytes;
  const isSet = control === ModePageControl.current ? isWriteCacheEnabled : true;
  page[2] = isSet ? cachingModePage.writeCacheEnable : 0;
  return page;
}

/** MODE SENSE(6) and (10). */
export function senseModes(
  state: ModeState,
  cdb: Uint8Array,
  data: ScsiData,
  size: CommandSize,
): ScsiOutcome {
  const control = (cdb[2] ?? 0) >> 6;
  const page = (cdb[2] ?? 0) & 0x3f;
  const allocation = lengthField(cdb, size);
  const isKnown = page === ModePage.caching || page === ModePage.all;
  const isServed = isKnown && control !== ModePageControl.saved;
  if (!isServed || allocation < headerBytes[size]) return invalidField;
  const body = cachingPage(state, control);
  const deviceSpecific =
    modeDeviceSpecific.dpoFua | (state.isReadOnly ? modeDeviceSpecific.writeProtect : 0);
  const total = headerBytes[size] + body.length;
  const header =
    size === 'six'
      ? [total - 1, 0, deviceSpecific, 0]
      : [0, total - 2, 0, deviceSpecific, 0, 0, 0, 0];
  return answer(data, Uint8Array.of(...header, ...body), allocation);
}

/** MODE SELECT(6) and (10). */
export function selectModes(
  state: ModeState,
  cdb: Uint8Array,
  data: ScsiData,
  size: CommandSize,
): ScsiOutcome {
  const length = lengthField(cdb, size);
  if (length === 0) return good();
  if (length < headerBytes[size] || length > scsiLimits.parameterListBytes) return badLength;
  const list = new Uint8Array(length);
  if (!data.read(0, list)) return wrongBuffer;
  const descriptors = size === 'six' ? (list[3] ?? 0) : ((list[6] ?? 0) << 8) | (list[7] ?? 0);
  const page = list.subarray(headerBytes[size] + descriptors);
  if (page.length === 0) return good(length);
  const isCaching = ((page[0] ?? 0) & 0x3f) === ModePage.caching;
  if (!isCaching || page.length < 3) return badList;
  state.isWriteCacheEnabled = ((page[2] ?? 0) & cachingModePage.writeCacheEnable) !== 0;
  return good(length);
}
