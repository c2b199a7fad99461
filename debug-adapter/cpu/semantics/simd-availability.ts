/** What every MMX and SSE instruction asks before it begins (SDM vol. 3, 2.5, 13.1; vol. 1, 9.5). */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import { VectorBuilder } from '../ir/vector-builder';
import { vmcsOffsets } from '../vmcs-offsets';
import { defineIn, type Definition, type HandlerGroup, type VariantContext } from './definition';
import type { Operand } from '../ir/builder';

const undefinedOpcode = 6;
const deviceNotAvailable = 7;
const cr0Emulation = 4;
const cr0TaskSwitched = 8;
const cr4FxSave = 0x200;
const fswErrorSummary = 0x80;
const fswTop = 0x38000000;
const fcwFswOffset = stateOffsets.fxsave;
const tagOffset = stateOffsets.fxsave + 4;

/** CR0.EM or no CR4.OSFXSR: #UD; CR0.TS: #NM. */
export function requireSse(b: Builder): void {
  const cr0 = b.and(b.state(vmcsOffsets.cr0, 4), b.i32(cr0Emulation | cr0TaskSwitched));
  const fxsave = b.and(b.state(vmcsOffsets.cr4, 4), b.i32(cr4FxSave));
  const blocking = b.let(b.or(cr0, b.xor(fxsave, b.i32(cr4FxSave))));
  b.if(b.and(blocking, b.i32(cr0Emulation | cr4FxSave)), () => b.raise(undefinedOpcode));
  b.if(blocking, () => b.raise(deviceNotAvailable));
}

/** CR0.EM or CR0.TS: #NM, as FXSAVE and FXRSTOR ask. */
export function requireX87(b: Builder): void {
  const blocking = b.and(b.state(vmcsOffsets.cr0, 4), b.i32(cr0Emulation | cr0TaskSwitched));
  b.if(blocking, () => b.raise(deviceNotAvailable));
}

/** CR0.EM: #UD; CR0.TS: #NM; an x87 exception that waits: #MF. */
export function requireMmx(b: Builder): void {
  const cr0 = b.state(vmcsOffsets.cr0, 4);
  b.if(b.and(cr0, b.i32(cr0Emulation)), () => b.raise(undefinedOpcode));
  const waiting = b.and(b.state(fcwFswOffset + 2, 2), b.i32(fswErrorSummary));
  b.if(b.or(b.and(cr0, b.i32(cr0TaskSwitched)), waiting), () => b.routine('x87Blocked'));
}

/** An MMX instruction makes the top of the x87 stack 0 and every register valid (EMMS: empty). */
export function enterMmx(b: Builder, isEmpty = false): void {
  b.setState(fcwFswOffset, 4, b.and(b.state(fcwFswOffset, 4), b.i32(~fswTop)));
  const others = b.and(b.state(tagOffset, 4), b.i32(~0xff));
  b.setState(tagOffset, 4, isEmpty ? others : b.or(others, b.i32(0xff)));
}

export type BuildVector = (
  v: VectorBuilder,
  operands: readonly Operand[],
  context: VariantContext,
) => void;

function usesMmx(operands: readonly Operand[]): boolean {
  return operands.some((operand) => operand.kind === 'vectorRegister' && operand.file === 'mmx');
}

function usesXmm(operands: readonly Operand[]): boolean {
  return operands.some((operand) => operand.kind === 'vectorRegister' && operand.file === 'xmm');
}

/**
 * A SIMD instruction on the registers that its operands name. The effect on the x87 state comes last, so that
 * nothing has changed where an operand faults.
 */
export function defineVector(
  group: HandlerGroup,
  mnemonic: string,
  build: BuildVector,
): Definition {
  return defineIn(group, mnemonic, (b, operands, context) => {
    const isMmx = usesMmx(operands);
    if (usesXmm(operands) || !isMmx) requireSse(b);
    if (isMmx) requireMmx(b);
    build(new VectorBuilder(b), operands, context);
    if (isMmx) enterMmx(b);
  });
}
