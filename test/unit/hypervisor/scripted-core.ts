/** A processor core that does what a test tells it to: state and memory are real, instructions are not. */
import { GuestMemory } from '../../../debug-adapter/machine/guest-memory';
import type {
  ProcessorCore,
  ProcessorRun,
  ProcessorStop,
  SystemAccessFailure,
  Translation,
} from '../../../debug-adapter/machine/processor';
import {
  ProcessorState,
  stateOffsets,
  vmcsEncoding,
} from '../../../debug-adapter/machine/processor-state';
import type { HypervisorServices } from '../../../debug-adapter/hypervisor/services';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { Partition } from '../../../debug-adapter/hypervisor/partition';
import { initialGuestState } from '../../../debug-adapter/spec/x86/reset-state';
import { setUpVmcsControls } from '../../../debug-adapter/hypervisor/vmcs-setup';
import { present } from '../../../debug-adapter/support/assert';
import type { PrivilegeName } from '../../../debug-adapter/spec/tlfs/privileges';
import { linearAddressBits } from '../../../debug-adapter/spec/x86/address-widths';
import { VirtualProcessor } from '../../../debug-adapter/hypervisor/virtual-processor';

/** One thing the core does: so many steps, then a stop; an exit also fills VMCS fields. */
export interface ScriptedRun {
  readonly steps: number;
  readonly stop: ProcessorStop;
  readonly vmcs?: Readonly<Record<string, bigint>>;
}

/** From one processor's state to the next. */
const stateStride = 0x4000;

export class ScriptedCore implements ProcessorCore {
  readonly restsUntilNs = Infinity;
  readonly state: ProcessorState;
  readonly linearAddressBits = linearAddressBits.fourLevels;
  readonly script: ScriptedRun[] = [];
  readonly answers: bigint[] = [];
  completed = 0;
  edits = 0;

  constructor(bytes: Uint8Array, vpBase = 0) {
    this.state = new ProcessorState(bytes, vpBase);
  }

  /** Appends a VM exit that takes one step. */
  exitWith(reason: number, vmcs: Readonly<Record<string, bigint>> = {}, steps = 1): void {
    this.script.push({
      steps,
      stop: { kind: 'vm-exit' },
      vmcs: { VM_EXIT_REASON: BigInt(reason), VM_EXIT_INSTRUCTION_LEN: 2n, ...vmcs },
    });
  }

  run(budget: number): ProcessorRun {
    const next = this.script[0];
    if (next === undefined || next.steps > budget) {
      this.retire(budget);
      if (next !== undefined) this.script[0] = { ...next, steps: next.steps - budget };
      return { steps: budget, stop: { kind: 'budget' } };
    }
    this.script.shift();
    for (const [name, value] of Object.entries(next.vmcs ?? {})) {
      this.state.setVmcs(vmcsEncoding(name), value);
    }
    if (next.stop.kind === 'vm-exit') this.state.writeU32(stateOffsets.exitPending, 1);
    if (next.stop.kind === 'budget') this.retire(next.steps);
    return { steps: next.steps, stop: next.stop };
  }

  setBreakpoints(): void {}
  passBreakpointOnce(): void {}

  powerOn(): void {
    this.state.architecturalBytes.fill(0);
  }

  stateWasEdited(): void {
    this.edits++;
  }

  completeInstruction(): void {
    this.completed++;
    this.state.rip += this.state.vmcs(vmcsEncoding('VM_EXIT_INSTRUCTION_LEN'));
    this.retire(1);
  }

  answerAccess(value: bigint): void {
    this.answers.push(value);
  }

  readAsSystem(): SystemAccessFailure {
    return { kind: 'refused' };
  }

  writeAsSystem(): SystemAccessFailure {
    return { kind: 'refused' };
  }

  translate(gva: bigint): Translation {
    return { kind: 'mapped', gpa: Number(gva) };
  }

  walk(): readonly never[] {
    return [];
  }

  private retire(count: number): void {
    const { state } = this;
    state.writeU64(stateOffsets.retired, state.readU64(stateOffsets.retired) + BigInt(count));
  }
}

/** What a hypervisor needs, where nothing but its own state is looked at. */
export function detachedServices(changes: Partial<HypervisorServices> = {}): HypervisorServices {
  return {
    trace: {
      emit: () => ({ position: 7, ordinal: 0, timeNs: 700, partition: 2, processor: 0 }),
      offer: () => {},
      emitConsole: () => {},
    },
    intercepts: { post: () => true },
    timers: new TimerQueue(),
    timeNs: () => 12_345,
    wake: () => {},
    resume: () => {},
    yieldTurn: () => {},
    charge: () => {},
    ...changes,
  };
}

/** What a scripted partition is made of, where it is not as usual. */
export interface ScriptedPartitionOptions {
  readonly id?: number;
  readonly privileges?: readonly PrivilegeName[] | undefined;
  readonly memoryBytes?: number;
  readonly processorCount?: number;
  readonly services?: HypervisorServices;
}

const entryFields = {
  ...initialGuestState,
  GUEST_CR0: 0x80010031n,
  GUEST_CR4: 0x20n,
  GUEST_IA32_EFER: 0x500n,
  GUEST_CS_AR_BYTES: 0xa09bn,
  GUEST_SS_AR_BYTES: 0xc093n,
  VM_ENTRY_CONTROLS: 0xd3ffn,
};

/** A partition with scripted processors in 64-bit mode at CPL 0 and RAM from address 0. */
export function scriptedPartitionOf(options: ScriptedPartitionOptions): {
  partition: Partition;
  processors: readonly VirtualProcessor[];
  cores: readonly ScriptedCore[];
} {
  const { id = 2, privileges, memoryBytes = 0x40000, processorCount = 1 } = options;
  const frameBase = processorCount * stateStride;
  const space = new Uint8Array(frameBase + memoryBytes + 0x10000);
  const memory = new GuestMemory(space, frameBase, memoryBytes / 4096 + 16);
  memory.mapRam(0, memoryBytes / 4096);
  const cores = Array.from(
    { length: processorCount },
    (_, index) => new ScriptedCore(space, index * stateStride),
  );
  const processors = cores.map((core, index) => new VirtualProcessor(id, index, core));
  for (const [index, { state }] of cores.entries()) {
    setUpVmcsControls(state, index);
    for (const [name, value] of Object.entries(entryFields)) {
      state.setVmcs(vmcsEncoding(name), value);
    }
    state.rflags = 2;
  }
  const partition = new Partition({
    id,
    name: 'test guest',
    memoryBytes,
    memory,
    processors,
    ...(privileges === undefined ? {} : { privileges }),
  });
  partition.connect(options.services ?? detachedServices());
  return { partition, processors, cores };
}

/** The same with one processor. */
export function scriptedPartition(
  privileges?: readonly PrivilegeName[],
  memoryBytes?: number,
): { partition: Partition; processor: VirtualProcessor; core: ScriptedCore } {
  const { partition, processors, cores } = scriptedPartitionOf({
    privileges,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
  return {
    partition,
    processor: present(processors[0], 'processor'),
    core: present(cores[0], 'core'),
  };
}
