/** Synthetic MSRs that belong to interrupts: the local APIC's registers, timers, and waiting (TLFS 10.2, 11.6 and 12.5). */
import { syntheticTimerCount } from '../spec/tlfs/synthetic-timers';
import { present } from '../support/assert';
import type { Partition } from './partition';
import type { SyntheticMsrAccess, SyntheticMsrBehaviour } from './msr-behaviour';
import type { SyntheticTimer } from './synthetic/synthetic-timer';
import type { VirtualProcessor } from './virtual-processor';

const isWord = (value: bigint): boolean => value >> 32n === 0n;
const highestTaskPriority = 0xffn;

/** A register of the local APIC: every access raises #GP while that is disabled in IA32_APIC_BASE. */
function apicRegister(behaviour: SyntheticMsrBehaviour): SyntheticMsrBehaviour {
  const { read, write } = behaviour;
  return {
    ...(read === undefined
      ? {}
      : { read: (access) => (access.processor.apic.isEnabled ? read(access) : undefined) }),
    ...(write === undefined
      ? {}
      : { write: (access, value) => access.processor.apic.isEnabled && write(access, value) }),
  };
}

const endOfInterrupt = apicRegister({
  write({ partition, processor }, value) {
    if (!isWord(value)) return false;
    partition.interrupts.endOfInterrupt(processor);
    return true;
  },
});

const interruptCommand = apicRegister({
  read: ({ partition, processor }) => partition.interrupts.readCommand(processor),
  write({ partition, processor }, value) {
    partition.interrupts.writeCommand(processor, value);
    return true;
  },
});

const taskPriority = apicRegister({
  read: ({ partition, processor }) => BigInt(partition.interrupts.readTaskPriority(processor)),
  write({ partition, processor }, value) {
    if (value > highestTaskPriority) return false;
    partition.interrupts.writeTaskPriority(processor, Number(value));
    return true;
  },
});

function timerOf({ synthetic }: Partition, { index }: VirtualProcessor, n: number): SyntheticTimer {
  return present(synthetic.timersOf(index)[n], 'synthetic timer');
}

type Row = readonly [string, SyntheticMsrBehaviour];

function timerRegisters(n: number): readonly Row[] {
  const timer = ({ partition, processor }: SyntheticMsrAccess): SyntheticTimer =>
    timerOf(partition, processor, n);
  return [
    [
      `HV_X64_MSR_STIMER${n}_CONFIG`,
      {
        read: (access) => timer(access).config,
        write: (access, value) => timer(access).writeConfig(value, access.timeNs),
      },
    ],
    [
      `HV_X64_MSR_STIMER${n}_COUNT`,
      {
        read: (access) => timer(access).count,
        write(access, value) {
          timer(access).writeCount(value, access.timeNs);
          return true;
        },
      },
    ],
  ];
}

/** By name. */
export const syntheticInterruptMsrs: readonly Row[] = [
  ['HV_X64_MSR_EOI', endOfInterrupt],
  ['HV_X64_MSR_ICR', interruptCommand],
  ['HV_X64_MSR_TPR', taskPriority],
  ...Array.from({ length: syntheticTimerCount }, (_, n) => timerRegisters(n)).flat(),
];
