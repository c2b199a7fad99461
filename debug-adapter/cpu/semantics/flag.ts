/** Flag instructions (SDM vol. 2: CLC, STC, CMC, CLD, STD, CLI, LAHF, SAHF). */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { vmcsOffsets } from '../vmcs-offsets';
import { primaryControl } from '../vmx/vm-exits';
import { define, type Definition } from './definition';
import { RAX } from './registers';
import { flagsImage } from './stack';

const directionFlag = 0x400;
const interruptFlag = 0x200;

function carry(mnemonic: string, value: (b: Builder) => Expression): Definition {
  return define(mnemonic, (b) => b.setFlags(8, { kind: 'carry', carry: value(b) }));
}

function systemFlags(b: Builder): Expression {
  return b.state(stateOffsets.flagsSystem, 4);
}

const clearDirection = define('CLD', (b) => {
  b.setState(stateOffsets.flagsSystem, 4, b.and(systemFlags(b), b.i32(~directionFlag)));
});

const setDirection = define('STD', (b) => {
  b.setState(stateOffsets.flagsSystem, 4, b.or(systemFlags(b), b.i32(directionFlag)));
});

/** #GP(0) where CPL is above IOPL (SDM vol. 2, CLI; protected-mode virtual interrupts are not offered). */
function requireIoPrivilege(b: Builder): void {
  const ioPrivilege = b.and(b.binary('shr_u', systemFlags(b), b.i32(12)), b.i32(3));
  b.if(b.compare('gt_u', b.state(runOffsets.cpl, 4), ioPrivilege), () => b.raise(13, 0));
}

const clearInterrupt = define('CLI', (b) => {
  requireIoPrivilege(b);
  b.setState(stateOffsets.flagsSystem, 4, b.and(systemFlags(b), b.i32(~interruptFlag)));
});

/**
 * Where STI sets IF, interrupts stay out until the following instruction is done (SDM vol. 2, STI). While nothing waits
 * for a window, that can only be seen where the run ends before it: the processor then blocks them.
 */
const setInterrupt = define('STI', (b) => {
  requireIoPrivilege(b);
  const isClear = b.isZero(b.and(systemFlags(b), b.i32(interruptFlag)));
  b.if(isClear, () => {
    const { interruptWindowExiting, nmiWindowExiting } = primaryControl;
    const windows = b.i32(interruptWindowExiting | nmiWindowExiting);
    const isWaiting = b.and(b.state(vmcsOffsets.primaryControls, 4), windows);
    b.if(b.compare('ne', isWaiting, b.i32(0)), () => b.routine('setInterruptFlag'));
    b.setState(stateOffsets.flagsSystem, 4, b.or(systemFlags(b), b.i32(interruptFlag)));
    b.setState(runOffsets.stepsLeftAtSti, 4, b.stepsLeft());
  });
});

const loadFlags = define('LAHF', (b) => {
  const image = b.widen(b.and(flagsImage(b), b.i32(0xff)));
  const cleared = b.and(b.register(RAX), b.i64(~0xff00));
  b.setRegister(RAX, b.or(cleared, b.binary('shl', image, b.i64(8))));
});

const storeFlags = define('SAHF', (b) => {
  const image = b.wrap(b.binary('shr_u', b.register(RAX), b.i64(8)));
  b.setFlags(8, { kind: 'image', image: b.let(b.and(image, b.i32(0xff))), overflow: false });
});

export const flagDefinitions: readonly Definition[] = [
  carry('CLC', (b) => b.i32(0)),
  carry('STC', (b) => b.i32(1)),
  carry('CMC', (b) => b.isZero(b.flag('CF'))),
  clearDirection,
  setDirection,
  clearInterrupt,
  setInterrupt,
  loadFlags,
  storeFlags,
];
