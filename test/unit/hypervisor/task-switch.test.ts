// Hardware task switches (SDM vol. 3, chapter 7): a real processor exits, the hypervisor switches, the processor goes on.
import assert from 'node:assert/strict';
import { Hypervisor } from '../../../debug-adapter/hypervisor/hypervisor';
import { Partition } from '../../../debug-adapter/hypervisor/partition';
import { VirtualProcessor } from '../../../debug-adapter/hypervisor/virtual-processor';
import { stateOffsets } from '../../../debug-adapter/machine/processor-state';
import { TimerQueue } from '../../../debug-adapter/machine/timer-queue';
import { littleEndian } from '../../support/machine-code';
import { descriptor, gate, ModeMachine, place } from '../../support/mode-machine';

const selector = {
  code: 0x08,
  data: 0x10,
  userCode: 0x1b,
  userData: 0x23,
  old: 0x28,
  task32: 0x30,
  task16: 0x38,
  gate: 0x40,
  localTable: 0x48,
  absentCode: 0x50,
  readOnly: 0x58,
  absentData: 0x60,
  absentTask: 0x68,
  shortTask: 0x70,
  busyTask: 0x78,
  gate16: 0x80,
  conforming: 0x88,
} as const;

const at = { task32: 0x3800, task16: 0x3900, busyTask: 0x3a00 } as const;
const code = 0x4000;
const target = 0x5000;
const handler = 0x6000;
const newStack = 0x9000;
const nested = 0x4000;

const table: readonly bigint[] = [
  descriptor(0, 0xfffff, 0x9b, 0xc),
  descriptor(0, 0xfffff, 0x93, 0xc),
  descriptor(0, 0xfffff, 0xfb, 0xc),
  descriptor(0, 0xfffff, 0xf3, 0xc),
  descriptor(place.task, 0x67, 0x8b, 0),
  descriptor(at.task32, 0x67, 0x89, 0),
  descriptor(at.task16, 0x2b, 0x81, 0),
  gate(selector.task32, 0, 0xe5),
  descriptor(0x7000, 0x0f, 0x82, 0),
  descriptor(0, 0xfffff, 0x1b, 0xc),
  descriptor(0, 0xfffff, 0x91, 0xc),
  descriptor(0, 0xfffff, 0x13, 0xc),
  descriptor(at.task32, 0x67, 0x09, 0),
  descriptor(at.task32, 0x66, 0x89, 0),
  descriptor(at.busyTask, 0x67, 0x8b, 0),
  gate(selector.task16, 0, 0xe5),
  descriptor(0, 0xfffff, 0x9f, 0xc),
];

/** Words of a new task by their offset: what it is without the changes of a row. */
const image32: Readonly<Record<number, number>> = {
  0x1c: 0,
  0x20: target,
  0x24: 0x46,
  0x28: 0x1000_0000,
  0x2c: 0x1000_0001,
  0x30: 0x1000_0002,
  0x34: 0x1000_0003,
  0x38: newStack,
  0x3c: 0x1000_0005,
  0x40: 0x1000_0006,
  0x44: 0x1000_0007,
  0x48: selector.data,
  0x4c: selector.code,
  0x50: selector.data,
  0x54: selector.data,
  0x58: 0,
  0x5c: selector.userData,
  0x60: 0,
  0x64: 0,
};
const image16: Readonly<Record<number, number>> = {
  0x0e: target,
  0x10: 0x46,
  0x12: 0x2000,
  0x14: 0x2001,
  0x16: 0x2002,
  0x18: 0x2003,
  0x1a: newStack,
  0x1c: 0x2005,
  0x1e: 0x2006,
  0x20: 0x2007,
  0x22: selector.data,
  0x24: selector.code,
  0x26: selector.data,
  0x28: selector.data,
  0x2a: 0,
};

class TaskMachine extends ModeMachine {
  private readonly hypervisor = new Hypervisor({
    trace: { emit: () => this.identity, offer: () => undefined, emitConsole: () => undefined },
    intercepts: { post: () => true },
    timers: new TimerQueue(),
    timeNs: () => 0,
    wake: () => undefined,
    resume: () => undefined,
    yieldTurn: () => undefined,
    charge: () => undefined,
  });
  private readonly identity = { position: 0, ordinal: 0, timeNs: 0, partition: 2, processor: 0 };
  private readonly virtualProcessor = new VirtualProcessor(2, 0, this.processor.core);

  constructor() {
    super();
    const { memory } = this.processor;
    const processors = [this.virtualProcessor];
    const options = { id: 2, name: 'test guest', memoryBytes: 16 << 20, memory, processors };
    this.hypervisor.addPartition(new Partition(options));
    this.protect(table);
    for (let vector = 0; vector < 32; vector++) this.gateAt(vector, gate(8, handler, 0x8e));
    this.write(handler, 'ebfe');
    this.write(target, 'ebfe');
    this.image(at.task32, 4, image32);
    this.image(at.task16, 2, image16);
    this.image(at.busyTask, 4, image32);
    this.state.rflags = 0x82;
    this.registers({ 0: 0xa0, 1: 0xa1, 2: 0xa2, 3: 0xa3, 4: 0x8000, 5: 0xa5, 6: 0xa6, 7: 0xa7 });
  }

  gateAt(vector: number, entry: bigint): void {
    this.write(place.interruptTable + vector * 8, littleEndian(entry, 8));
  }

  image(base: number, bytes: 2 | 4, words: Readonly<Record<number, number>>): void {
    for (const [offset, word] of Object.entries(words)) {
      this.write(base + Number(offset), littleEndian(word, bytes));
    }
  }

  /** What the instruction ends with: a switch goes on to what the new task's first step gives. */
  switchBy(hex: string): string {
    const first = this.execute(code, hex);
    return first === 'exit 9' ? this.goOn() : first;
  }

  private goOn(): string {
    const outcome = this.emulate();
    if (outcome !== 'resume') return outcome;
    const end = this.run(1);
    // The handler of what the new task begins with may be a task too.
    return end === 'exit 9' ? this.goOn() : end;
  }

  emulate(): string {
    this.virtualProcessor.exitIdentity = this.identity;
    return this.hypervisor.handleExit(this.virtualProcessor).kind;
  }

  /** The exception that the new task begins with, before it is delivered. */
  faultOf(hex: string): string {
    assert.equal(this.execute(code, hex), 'exit 9');
    assert.equal(this.emulate(), 'resume');
    const information = this.field('VM_ENTRY_INTR_INFO_FIELD');
    assert.equal(information >> 8n, 0x80000bn, 'a hardware exception with an error code');
    return `event ${information & 0xffn} (0x${this.field('VM_ENTRY_EXCEPTION_ERROR_CODE').toString(16)})`;
  }

  /** The task in TR, and how the descriptors of a pair of tasks are marked. */
  typeOf(task: number): bigint {
    return this.read(place.globalTable + task + 5, 1);
  }
}

const far = (opcode: string, task: number): string =>
  `${opcode} 00 00 00 00 ${littleEndian(task, 2)}`;
const jump = (task: number): string => far('ea', task);
const call = (task: number): string => far('9a', task);

describe('the switch itself (SDM vol. 3, 7.3)', () => {
  it('JMP leaves the old task available and saves all of it', () => {
    const machine = new TaskMachine();
    assert.equal(machine.switchBy(jump(selector.task32)), 'budget');
    assert.equal(machine.typeOf(selector.old), 0x89n);
    assert.equal(machine.typeOf(selector.task32), 0x8bn);
    assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.task32));
    assert.equal(machine.field('GUEST_TR_BASE'), BigInt(at.task32));
    assert.equal(machine.field('GUEST_TR_AR_BYTES'), 0x8bn);
    const saved = (offset: number): bigint => machine.read(place.task + offset, 4);
    assert.equal(saved(0x20), BigInt(code + 7), 'EIP behind the JMP');
    assert.equal(saved(0x24), 0x82n, 'EFLAGS');
    const registers = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => saved(0x28 + index * 4));
    assert.deepEqual(registers, [0xa0n, 0xa1n, 0xa2n, 0xa3n, 0x8000n, 0xa5n, 0xa6n, 0xa7n]);
    const segments = [0, 1, 2, 3, 4, 5].map((index) => saved(0x48 + index * 4));
    assert.deepEqual(segments, [0x10n, 8n, 0x10n, 0x10n, 0x10n, 0x10n]);
    assert.equal(machine.read(at.task32, 4), 0n, 'no link');
  });

  it('the new task has its registers, flags and segments, and CR0.TS', () => {
    const machine = new TaskMachine();
    machine.set('GUEST_DR7', 0x5ffn);
    machine.switchBy(jump(selector.task32));
    assert.equal(machine.state.rip, BigInt(target));
    assert.equal(machine.state.rflags, 0x46);
    assert.equal(machine.gpr(4), BigInt(newStack));
    for (const index of [0, 1, 2, 3, 5, 6, 7]) {
      assert.equal(machine.gpr(index), 0x1000_0000n + BigInt(index));
    }
    assert.equal(machine.field('GUEST_CR0') & 8n, 8n);
    assert.equal(machine.field('GUEST_DR7'), 0x4aan, 'local breakpoints are off');
    assert.equal(machine.field('GUEST_FS_AR_BYTES'), 0x10000n);
    assert.equal(machine.field('GUEST_GS_AR_BYTES'), 0xc0f3n);
  });

  for (const [name, instruction] of [
    ['CALL', call(selector.task32)],
    ['CALL by a task gate', call(selector.gate)],
  ] as const) {
    it(`${name} links the tasks and keeps both busy`, () => {
      const machine = new TaskMachine();
      assert.equal(machine.switchBy(instruction), 'budget');
      assert.equal(machine.read(at.task32, 2), BigInt(selector.old));
      assert.equal(machine.state.rflags & nested, nested);
      assert.deepEqual(
        [machine.typeOf(selector.old), machine.typeOf(selector.task32)],
        [0x8bn, 0x8bn],
      );
    });
  }

  it('IRET goes back to the task that is linked, and leaves this one available', () => {
    const machine = new TaskMachine();
    machine.switchBy(call(selector.task32));
    machine.write(target, 'cf');
    machine.state.rip = BigInt(target);
    const end = machine.switchBy('cf');
    assert.equal(end, 'budget');
    assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.old));
    assert.equal(machine.typeOf(selector.task32), 0x89n);
    assert.equal(machine.typeOf(selector.old), 0x8bn);
    assert.equal(machine.read(at.task32 + 0x24, 4) & BigInt(nested), 0n, 'NT is saved clear');
    assert.equal(machine.gpr(7), 0xa7n);
  });

  it('a 16-bit task has 16-bit registers, and null FS and GS', () => {
    const machine = new TaskMachine();
    assert.equal(machine.switchBy(jump(selector.task16)), 'budget');
    assert.deepEqual([machine.gpr(0), machine.gpr(7)], [0x2000n, 0x2007n]);
    assert.equal(machine.state.rip, BigInt(target));
    assert.equal(machine.field('GUEST_FS_AR_BYTES'), 0x10000n);
    assert.equal(machine.typeOf(selector.task16), 0x83n);
    // And back: the 16-bit task saves words.
    machine.image(place.task, 4, image32);
    assert.equal(machine.switchBy(jump(selector.old)), 'budget');
    assert.equal(machine.read(at.task16 + 0x0e, 2), BigInt(code + 7));
    assert.equal(machine.read(at.task16 + 0x20, 2), 0x2007n);
    assert.equal(machine.typeOf(selector.task16), 0x81n);
  });

  it('a new task may be one of virtual-8086 mode', () => {
    const machine = new TaskMachine();
    machine.image(at.task32, 4, { 0x20: 0x100, 0x24: 0x20002, 0x4c: 0x500, 0x50: 0x900 });
    machine.write(0x5100, 'ebfe');
    assert.equal(machine.switchBy(jump(selector.task32)), 'budget');
    assert.equal(machine.field('GUEST_CS_BASE'), 0x5000n);
    assert.equal(machine.field('GUEST_SS_AR_BYTES'), 0xf3n);
    assert.equal(machine.state.rip, 0x100n);
  });

  it('a new task has its local descriptor table', () => {
    const machine = new TaskMachine();
    machine.write(0x7008, littleEndian(descriptor(0, 0xfffff, 0x9b, 0xc), 8));
    machine.image(at.task32, 4, { 0x60: selector.localTable, 0x4c: 0x0c });
    assert.equal(machine.switchBy(jump(selector.task32)), 'budget');
    assert.equal(machine.field('GUEST_LDTR_BASE'), 0x7000n);
    assert.equal(machine.field('GUEST_CS_SELECTOR'), 0x0cn);
  });

  it('CR3 changes under paging', () => {
    const machine = new TaskMachine();
    // Two page directories of 4 MiB pages, of which only the second maps 0x400000.
    machine.write(0x10000, littleEndian(0x83, 4));
    machine.write(0x11000, littleEndian(0x83, 4) + littleEndian(0x83, 4));
    machine.image(at.task32, 4, { 0x1c: 0x11000, 0x20: 0x400000 + target });
    machine.set('GUEST_CR3', 0x10000n);
    machine.set('GUEST_CR4', 0x10n);
    machine.set('GUEST_CR0', 0x80000031n);
    machine.edited();
    assert.equal(machine.switchBy(jump(selector.task32)), 'budget');
    assert.equal(machine.field('GUEST_CR3'), 0x11000n);
    assert.equal(machine.state.rip, BigInt(0x400000 + target));
  });

  it('T of the new task is a debug exception before its first instruction', () => {
    const machine = new TaskMachine();
    machine.image(at.task32, 4, { 0x64: 1 });
    assert.equal(machine.switchBy(jump(selector.task32)), 'event 1');
    assert.equal(machine.state.readU64(stateOffsets.dr + 48) & 0x8000n, 0x8000n);
    assert.equal(machine.read(newStack - 12, 4), BigInt(target));
  });
});

describe('task gates of the interrupt table', () => {
  it('INT n saves the instruction pointer behind it', () => {
    const machine = new TaskMachine();
    machine.gateAt(0x20, gate(selector.task32, 0, 0xe5));
    assert.equal(machine.switchBy('cd 20'), 'budget');
    assert.equal(machine.read(place.task + 0x20, 4), BigInt(code + 2));
    assert.equal(machine.read(at.task32, 2), BigInt(selector.old));
    assert.equal(machine.gpr(4), BigInt(newStack), 'no error code');
  });

  it('a fault saves its own instruction pointer and pushes its error code', () => {
    const machine = new TaskMachine();
    machine.gateAt(13, gate(selector.task32, 0, 0x85));
    // MOV DS,AX with a selector beyond the table.
    machine.registers({ 0: 0x1000 });
    assert.equal(machine.switchBy('8e d8'), 'budget');
    assert.equal(machine.read(place.task + 0x20, 4), BigInt(code));
    assert.equal(machine.gpr(4), BigInt(newStack - 4));
    assert.equal(machine.read(newStack - 4, 4), 0x1000n);
  });

  it('what a device has told of the gate is not left to the new task', () => {
    const machine = new TaskMachine();
    machine.gateAt(13, gate(selector.task32, 0, 0x85));
    machine.registers({ 0: 0x1000 });
    assert.equal(machine.execute(code, '8e d8'), 'exit 9');
    machine.processor.core.answerAccess(0x1234n);
    assert.equal(machine.emulate(), 'resume');
    assert.equal(machine.state.readU32(stateOffsets.answerCount), 0);
  });

  it('a 16-bit task gets a word as error code', () => {
    const machine = new TaskMachine();
    machine.gateAt(13, gate(selector.task16, 0, 0x85));
    machine.registers({ 0: 0x1000 });
    assert.equal(machine.switchBy('8e d8'), 'budget');
    assert.equal(machine.gpr(4), BigInt(newStack - 2));
    assert.equal(machine.read(newStack - 2, 2), 0x1000n);
  });
});

/** Refused before the switch: the old task goes on with its handler. */
const refused: readonly (readonly [string, string, string])[] = [
  ['JMP to a busy task', jump(selector.busyTask), 'event 13 (0x78)'],
  ['JMP to itself', jump(selector.old), 'event 13 (0x28)'],
  ['CALL of an absent task', call(selector.absentTask), 'event 11 (0x68)'],
  ['CALL of a task whose segment is short', call(selector.shortTask), 'event 10 (0x70)'],
];

/** Words of the new task that make it begin with a fault (SDM vol. 3, table 7-1). */
const faults: readonly (readonly [string, Readonly<Record<number, number>>, string])[] = [
  ['CS is null', { 0x4c: 0 }, 'event 10 (0x0)'],
  ['CS is data', { 0x4c: selector.data }, 'event 10 (0x10)'],
  ['CS is beyond the table', { 0x4c: 0x1000 }, 'event 10 (0x1000)'],
  ['RPL of CS is not its DPL', { 0x4c: 0x0b, 0x50: selector.userData }, 'event 10 (0x8)'],
  ['CS is absent', { 0x4c: selector.absentCode }, 'event 11 (0x50)'],
  ['SS is null', { 0x50: 0 }, 'event 10 (0x0)'],
  ['SS is read-only', { 0x50: selector.readOnly }, 'event 10 (0x58)'],
  ['SS is absent', { 0x50: selector.absentData }, 'event 12 (0x60)'],
  ['RPL of SS is not CPL', { 0x50: selector.userData }, 'event 10 (0x20)'],
  ['DS is a task', { 0x54: selector.task32 }, 'event 10 (0x30)'],
  ['ES is absent', { 0x48: selector.absentData }, 'event 11 (0x60)'],
  ['LDT is a data segment', { 0x60: selector.data }, 'event 10 (0x10)'],
  ['LDT is local', { 0x60: 0x4c }, 'event 10 (0x4c)'],
];

describe('faults of task switches (SDM vol. 3, table 7-1)', () => {
  for (const [title, instruction, expected] of refused) {
    it(`${title}: ${expected}, in the old task`, () => {
      const machine = new TaskMachine();
      assert.equal(machine.switchBy(instruction), expected);
      assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.old));
      assert.equal(machine.read(0x8000 - 12, 4), BigInt(code));
    });
  }

  for (const [title, words, expected] of faults) {
    it(`${title}: ${expected}, in the new task`, () => {
      const machine = new TaskMachine();
      machine.image(at.task32, 4, words);
      assert.equal(machine.faultOf(jump(selector.task32)), expected);
      assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.task32));
      assert.equal(machine.state.rip, BigInt(target));
    });
  }

  it('the handler of #TS may be a task, since the stack of the faulty one is not good', () => {
    const machine = new TaskMachine();
    machine.image(at.task32, 4, { 0x50: selector.readOnly });
    machine.gateAt(10, gate(selector.task16, 0, 0x85));
    assert.equal(machine.switchBy(jump(selector.task32)), 'budget');
    assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.task16));
    assert.equal(machine.read(newStack - 2, 2), BigInt(selector.readOnly));
    assert.equal(machine.read(at.task16, 2), BigInt(selector.task32));
    const without = new TaskMachine();
    without.image(at.task32, 4, { 0x50: selector.readOnly });
    assert.equal(without.switchBy(jump(selector.task32)), 'exit 2', 'else it is a triple fault');
  });

  it('IRET to a task that is not busy: #TS', () => {
    const machine = new TaskMachine();
    machine.state.rflags = nested | 2;
    machine.write(place.task, littleEndian(selector.task32, 2));
    assert.equal(machine.switchBy('cf'), 'event 10 (0x30)');
  });

  it('a task gate of the interrupt table to a busy task: #GP with EXT where it is no software interrupt', () => {
    const machine = new TaskMachine();
    machine.gateAt(0x20, gate(selector.busyTask, 0, 0xe5));
    assert.equal(machine.switchBy('cd 20'), 'event 13 (0x78)');
    const fault = new TaskMachine();
    fault.gateAt(6, gate(selector.busyTask, 0, 0x85));
    assert.equal(fault.switchBy('0f 0b'), 'event 13 (0x79)');
  });

  it('a second contributory fault is a double fault', () => {
    const machine = new TaskMachine();
    machine.gateAt(13, gate(selector.task32, 0, 0x85));
    machine.image(at.task32, 4, { 0x54: selector.task32 });
    machine.registers({ 0: 0x1000 });
    assert.equal(machine.switchBy('8e d8'), 'event 8 (0x0)');
  });

  it('a fault of the double fault handler is a triple fault', () => {
    const machine = new TaskMachine();
    machine.gateAt(8, gate(selector.task32, 0, 0x85));
    machine.gateAt(13, 0n);
    machine.image(at.task32, 4, { 0x54: selector.task32 });
    machine.registers({ 0: 0x1000 });
    assert.equal(machine.switchBy('8e d8'), 'triple-fault');
  });

  it('a new task segment that cannot be read: #PF, in the old task', () => {
    const machine = new TaskMachine();
    // One 4 KiB page table without the page of the task.
    machine.write(0x10000, littleEndian(0x11003, 4));
    for (let page = 0; page < 16; page++) {
      machine.write(0x11000 + page * 4, littleEndian(page === 0xa ? 0 : page * 0x1000 + 3, 4));
    }
    const entry = descriptor(0xa000, 0x67, 0x89, 0);
    machine.write(place.globalTable + selector.task32, littleEndian(entry, 8));
    machine.set('GUEST_CR3', 0x10000n);
    machine.set('GUEST_CR0', 0x80000031n);
    machine.edited();
    assert.equal(machine.switchBy(jump(selector.task32)), 'event 14 (0x0)');
    assert.equal(machine.state.readU64(stateOffsets.cr2), 0xa000n);
    assert.equal(machine.field('GUEST_TR_SELECTOR'), BigInt(selector.old));
  });
});
