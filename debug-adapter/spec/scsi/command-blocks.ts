// Table: command descriptor blocks by operation code (SPC-5 chapter 6, SBC-4 chapter 5). Numbers are big-endian.
import { bits } from '../../support/bit-field';
import {
  namesOfValues,
  structField as f,
  structLayout,
  valueNames,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';
import { ModePageControl, ScsiOperation as op, ScsiServiceAction } from './commands';

const bigEndian: FieldMeaning = { kind: 'big-endian' };
const count: FieldMeaning = { kind: 'count' };

const big = (name: string, sizeBytes: number, offset: number): StructField =>
  f(name, { bytes: sizeBytes }, offset, bigEndian);
const flags = (offset: number, ...fields: Parameters<typeof bits>[]): StructField =>
  f(`Byte${offset + 1}`, 'u8', offset, {
    kind: 'bits',
    bits: fields.map((each) => bits(...each)),
  });
const control = (offset: number): StructField => f('Control', 'u8', offset);

/** What follows the operation code; offsets are from the byte behind it. */
const block = (name: string, sizeBytes: number, ...fields: StructField[]): StructLayout =>
  structLayout(name, fields, sizeBytes - 1);

const disablePageOut: Parameters<typeof bits> = [4, 4, 'DisablePageOut'];
const forceUnitAccess: Parameters<typeof bits> = [3, 3, 'ForceUnitAccess'];
const immediate: Parameters<typeof bits> = [1, 1, 'Immediate'];
const byteCheck: Parameters<typeof bits> = [2, 1, 'ByteCheck'];
const unmapBit: Parameters<typeof bits> = [3, 3, 'Unmap'];
const noDataOut: Parameters<typeof bits> = [0, 0, 'NoDataOut'];

type Flags = readonly Parameters<typeof bits>[];

const of6 = (name: string): StructLayout =>
  block(name, 6, big('LogicalBlockAddress', 3, 0), f('TransferLength', 'u8', 3, count), control(4));
const of10 = (name: string, length: string, bitsOfByte1: Flags): StructLayout =>
  block(
    name,
    10,
    flags(0, ...bitsOfByte1),
    big('LogicalBlockAddress', 4, 1),
    f('GroupNumber', 'u8', 5),
    big(length, 2, 6),
    control(8),
  );
const of12 = (name: string, length: string, bitsOfByte1: Flags): StructLayout =>
  block(
    name,
    12,
    flags(0, ...bitsOfByte1),
    big('LogicalBlockAddress', 4, 1),
    big(length, 4, 5),
    f('GroupNumber', 'u8', 9),
    control(10),
  );
const of16 = (name: string, length: string, bitsOfByte1: Flags): StructLayout =>
  block(
    name,
    16,
    flags(0, ...bitsOfByte1),
    big('LogicalBlockAddress', 8, 1),
    big(length, 4, 9),
    f('GroupNumber', 'u8', 13),
    control(14),
  );

const transfer: Flags = [disablePageOut, forceUnitAccess];
const verify: Flags = [disablePageOut, byteCheck];
const pageCode = f('Page', 'u8', 1, {
  kind: 'bits',
  bits: [bits(5, 0, 'PageCode'), bits(7, 6, 'PageControl', valueNames(ModePageControl))],
});

const descriptors = flags(0, [3, 3, 'DisableBlockDescriptors']);
const pages = flags(0, [4, 4, 'PageFormat'], [0, 0, 'SavePages']);

/** By operation code; codes that are not here have a block of bytes. */
const blocks: ReadonlyMap<number, StructLayout> = new Map([
  [op.testUnitReady, block('TestUnitReady', 6, control(4))],
  [
    op.requestSense,
    block(
      'RequestSense',
      6,
      flags(0, [0, 0, 'DescriptorFormat']),
      f('AllocationLength', 'u8', 3, count),
      control(4),
    ),
  ],
  [op.read6, of6('Read6')],
  [op.write6, of6('Write6')],
  [
    op.inquiry,
    block(
      'Inquiry',
      6,
      flags(0, [0, 0, 'EnableVitalProductData']),
      f('PageCode', 'u8', 1),
      big('AllocationLength', 2, 2),
      control(4),
    ),
  ],
  [
    op.modeSelect6,
    block('ModeSelect6', 6, pages, f('ParameterListLength', 'u8', 3, count), control(4)),
  ],
  [op.reserve6, block('Reserve6', 6, control(4))],
  [op.release6, block('Release6', 6, control(4))],
  [
    op.modeSense6,
    block(
      'ModeSense6',
      6,
      descriptors,
      pageCode,
      f('SubpageCode', 'u8', 2),
      f('AllocationLength', 'u8', 3, count),
      control(4),
    ),
  ],
  [
    op.startStopUnit,
    block(
      'StartStopUnit',
      6,
      flags(0, [0, 0, 'ReturnAtOnce']),
      flags(3, [0, 0, 'Start'], [1, 1, 'LoadEject'], [7, 4, 'PowerCondition']),
      control(4),
    ),
  ],
  [
    op.sendDiagnostic,
    block(
      'SendDiagnostic',
      6,
      flags(0, [2, 2, 'SelfTest']),
      big('ParameterListLength', 2, 2),
      control(4),
    ),
  ],
  [
    op.preventAllowMediumRemoval,
    block('PreventAllowMediumRemoval', 6, flags(3, [1, 0, 'Prevent']), control(4)),
  ],
  [op.readCapacity10, block('ReadCapacity10', 10, big('LogicalBlockAddress', 4, 1), control(8))],
  [op.read10, of10('Read10', 'TransferLength', transfer)],
  [op.write10, of10('Write10', 'TransferLength', transfer)],
  [op.writeAndVerify10, of10('WriteAndVerify10', 'TransferLength', verify)],
  [op.verify10, of10('Verify10', 'VerificationLength', verify)],
  [op.synchronizeCache10, of10('SynchronizeCache10', 'NumberOfBlocks', [immediate])],
  [op.writeSame10, of10('WriteSame10', 'NumberOfBlocks', [unmapBit])],
  [
    op.unmap,
    block(
      'Unmap',
      10,
      flags(0, [0, 0, 'Anchor']),
      f('GroupNumber', 'u8', 5),
      big('ParameterListLength', 2, 6),
      control(8),
    ),
  ],
  [op.modeSelect10, block('ModeSelect10', 10, pages, big('ParameterListLength', 2, 6), control(8))],
  [
    op.modeSense10,
    block(
      'ModeSense10',
      10,
      descriptors,
      pageCode,
      f('SubpageCode', 'u8', 2),
      big('AllocationLength', 2, 6),
      control(8),
    ),
  ],
  [op.read12, of12('Read12', 'TransferLength', transfer)],
  [op.write12, of12('Write12', 'TransferLength', transfer)],
  [op.writeAndVerify12, of12('WriteAndVerify12', 'TransferLength', verify)],
  [op.verify12, of12('Verify12', 'VerificationLength', verify)],
  [op.read16, of16('Read16', 'TransferLength', transfer)],
  [op.write16, of16('Write16', 'TransferLength', transfer)],
  [op.writeAndVerify16, of16('WriteAndVerify16', 'TransferLength', verify)],
  [op.verify16, of16('Verify16', 'VerificationLength', verify)],
  [op.synchronizeCache16, of16('SynchronizeCache16', 'NumberOfBlocks', [immediate])],
  [op.writeSame16, of16('WriteSame16', 'NumberOfBlocks', [unmapBit, noDataOut])],
  [
    op.serviceActionIn16,
    block(
      'ServiceActionIn16',
      16,
      f('Byte1', 'u8', 0, {
        kind: 'bits',
        bits: [bits(4, 0, 'ServiceAction', valueNames(ScsiServiceAction))],
      }),
      big('LogicalBlockAddress', 8, 1),
      big('AllocationLength', 4, 9),
      control(14),
    ),
  ],
  [
    op.reportLuns,
    block('ReportLuns', 12, f('SelectReport', 'u8', 1), big('AllocationLength', 4, 5), control(10)),
  ],
]);

/** A command descriptor block. */
export const commandBlock = structLayout(
  'CommandBlock',
  [f('OperationCode', 'u8', 0, namesOfValues(op))],
  1,
  [{ kind: 'choice', by: 'OperationCode', cases: blocks }],
);
