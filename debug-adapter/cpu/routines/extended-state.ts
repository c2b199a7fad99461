/** FXSAVE and FXRSTOR (SDM vol. 1, 10.5; vol. 2). */
import { runOffsets } from '../memory-map';
import { quadwords } from '../paging/block-shape';
import { generalProtection, RoutineEnd } from '../processor-context';
import { mxcsrMask, mxcsrOffset, xmmOffset } from '../vector-state';
import { loadImage, storeImage } from '../x87/fxsave-image';
import { leaveWith, type Processor, type Routine, type RoutineFamily } from './routine';

const imageBytes = 512;
const mxcsrAt = 24;
const mxcsrMaskAt = 28;
const xmmAt = 160;
const registerBytes = 16;

/** XMM8 to XMM15 are only saved in 64-bit mode. */
function xmmBytes(processor: Processor): number {
  return (processor.context.is64Bit ? 16 : 8) * registerBytes;
}

/** Without REX.W the pointers have 32 bits, and code and data segments that are always 0 (deprecated). */
function cutPointers(image: Uint8Array): void {
  image.fill(0, 12, 16);
  image.fill(0, 20, 24);
}

/** The definition has checked that the first and the last byte can be reached. */
const save =
  (isWide: boolean): Routine =>
  (processor, record) => {
    const { context, access } = processor;
    const { state, bytes, vpBase } = context;
    const registers = xmmBytes(processor);
    const image = new Uint8Array(imageBytes);
    const view = new DataView(image.buffer);
    storeImage(context, image);
    if (!isWide) cutPointers(image);
    view.setUint32(mxcsrAt, state.readU32(mxcsrOffset), true);
    view.setUint32(mxcsrMaskAt, mxcsrMask, true);
    image.set(bytes.subarray(vpBase + xmmOffset, vpBase + xmmOffset + registers), xmmAt);
    // What follows the registers belongs to software.
    const data = image.subarray(0, xmmAt + registers);
    const address = context.runU64(runOffsets.operand);
    const end = access.writeAtCurrentPrivilege(address, data, quadwords);
    if (end !== 'done') return leaveWith(processor, end);
    state.rip += BigInt(record.length);
    return RoutineEnd.lookup;
  };

const restore =
  (isWide: boolean): Routine =>
  (processor) => {
    const { context, access } = processor;
    const address = context.runU64(runOffsets.operand);
    const registers = xmmBytes(processor);
    const image = access.readAtCurrentPrivilege(address, xmmAt + registers, quadwords);
    if (typeof image === 'string') return leaveWith(processor, image);
    const mxcsr = new DataView(image.buffer).getUint32(mxcsrAt, true);
    if ((mxcsr & ~mxcsrMask) !== 0) return context.raise(generalProtection());
    if (!isWide) cutPointers(image);
    loadImage(context, image);
    context.state.writeU32(mxcsrOffset, mxcsr);
    context.bytes.set(image.subarray(xmmAt), context.vpBase + xmmOffset);
    return RoutineEnd.next;
  };

export const extendedStateRoutines: RoutineFamily = {
  reason: 'they move 512 bytes, and the x87 registers change places',
  routines: {
    saveExtendedState: save(false),
    saveExtendedState64: save(true),
    restoreExtendedState: restore(false),
    restoreExtendedState64: restore(true),
  },
};
