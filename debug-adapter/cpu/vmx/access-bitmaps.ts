/** The bitmaps that say which MSRs and ports exit (SDM vol. 3, 25.6.4, 25.6.9 and 26.1.3). */
import { hypervisorPagesEnd } from '../../machine/hypervisor-pages';
import { primaryControls } from '../../spec/x86/vmx-controls';
import { maskOf } from '../../support/bit-field';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { hasPrimary, primaryControl } from './vm-exits';

const useMsrBitmaps = maskOf(primaryControls, ['use MSR bitmaps']);
const useIoBitmaps = maskOf(primaryControls, ['use I/O bitmaps']);

/** Offsets of the quarters of an MSR bitmap. */
const msrQuarter = { high: 0x400, write: 0x800 } as const;
const firstHighMsr = 0xc0000000;
const msrsPerRange = 0x2000;
const portsPerBitmap = 0x8000;

/** A bit of the bitmap that a VMCS field names; set where the field does not name one of the hypervisor's pages. */
function bitmapBit({ state, view }: ProcessorContext, fieldOffset: number, bit: number): boolean {
  const base = state.readU32(fieldOffset);
  const at = base + (bit >>> 3);
  if (state.readU32(fieldOffset + 4) !== 0 || at >= hypervisorPagesEnd) return true;
  return ((view.getUint8(at) >>> (bit & 7)) & 1) !== 0;
}

/** Whether RDMSR or WRMSR of MSR `number` (unsigned) exits. */
export function msrAccessExits(
  context: ProcessorContext,
  number: number,
  isWrite: boolean,
): boolean {
  if (!hasPrimary(context, useMsrBitmaps)) return true;
  const isHigh = number >= firstHighMsr;
  const index = isHigh ? number - firstHighMsr : number;
  if (index >= msrsPerRange) return true;
  const quarter = (isHigh ? msrQuarter.high : 0) + (isWrite ? msrQuarter.write : 0);
  return bitmapBit(context, vmcsOffsets.msrBitmap, quarter * 8 + index);
}

/** Whether an access to `bytes` ports from `port` on exits; one that wraps around behind port 0xffff does. */
export function portAccessExits(context: ProcessorContext, port: number, bytes: number): boolean {
  if (!hasPrimary(context, useIoBitmaps)) {
    return hasPrimary(context, primaryControl.unconditionalIoExiting);
  }
  for (let each = port; each < port + bytes; each++) {
    if (each > 0xffff) return true;
    const isLow = each < portsPerBitmap;
    const field = isLow ? vmcsOffsets.ioBitmapA : vmcsOffsets.ioBitmapB;
    if (bitmapBit(context, field, each % portsPerBitmap)) return true;
  }
  return false;
}
