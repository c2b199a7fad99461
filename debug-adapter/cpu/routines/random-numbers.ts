/**
 * RDRAND and RDSEED (SDM vol. 2): a generator whose state belongs to the processor's, so that a run can be repeated.
 * What it starts from is part of the machine's configuration. Numbers are always there.
 */
import { stateOffsets } from '../../machine/processor-state';
import { RoutineEnd } from '../processor-context';
import { causeExit, exitReason, hasSecondary, secondaryControl } from '../vmx/vm-exits';
import { operandBytes, type Processor, type Routine, type RoutineFamily } from './routine';

const increment = 0x9e3779b97f4a7c15n;
const arithmeticFlags = 0x8d5;
const carry = 1;

/** The mixing function of the SplitMix64 generator. */
function mix(value: bigint): bigint {
  let mixed = value;
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return mixed ^ (mixed >> 31n);
}

/** State of the generator of a processor: streams of one seed have nothing in common. */
export function initialRandomState(seed: bigint, processor: number): bigint {
  return mix(mix(BigInt.asUintN(64, seed)) + BigInt(processor + 1) * increment);
}

function nextRandom({ context: { state } }: Processor): bigint {
  const next = BigInt.asUintN(64, state.readU64(stateOffsets.randomState) + increment);
  state.writeU64(stateOffsets.randomState, next);
  return mix(next);
}

/** Register and operand size (SDM vol. 3, table 28-12). */
function instructionInformation(register: number, bytes: number): number {
  return (register << 3) | (({ 2: 0, 4: 1, 8: 2 }[bytes] ?? 0) * 0x800);
}

function random(control: number, reason: number): Routine {
  return (processor, record) => {
    const { context } = processor;
    const { state } = context;
    const bytes = operandBytes(processor);
    const register = record.dst / 8;
    if (hasSecondary(context, control)) {
      return causeExit(context, reason, {
        instructionLength: record.length,
        instructionInformation: instructionInformation(register, bytes),
      });
    }
    const value = BigInt.asUintN(bytes * 8, nextRandom(processor));
    const kept = bytes === 2 ? state.gpr(register) & ~0xffffn : 0n;
    state.setGpr(register, kept | value);
    state.rflags = (state.rflags & ~arithmeticFlags) | carry;
    return RoutineEnd.next;
  };
}

export const randomNumberRoutines: RoutineFamily = {
  reason: 'they ask the controls of the VMCS, and are rare',
  routines: {
    randomNumber: random(secondaryControl.rdrandExiting, exitReason.RDRAND),
    randomSeed: random(secondaryControl.rdseedExiting, exitReason.RDSEED),
  },
};
