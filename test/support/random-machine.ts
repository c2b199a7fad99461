/**
 * Whole machines that run random programs: several processors with their local APICs, timers, interrupts between them,
 * page tables and code that change, MSR writes, and exits. Built on the memory that `program-lab.ts` lays out.
 */
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import { vmcsEncoding } from '../../debug-adapter/machine/processor-state';
import { configureSingleGuest } from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine, type MachinePorts } from '../../debug-adapter/system/physical-machine';
import { GuestKernel, layout, selector } from './guest-kernel';
import { littleEndian, machineCode } from './machine-code';
import { ProgramLab } from './program-lab';
import { places, randomProgram, type Template, type WeightedTemplates } from './random-program';
import type { SeededRandom } from './seeded-random';

const memoryBytes = 16 << 20;
export const processorsMax = 4;

/** Where the parts lie that the lab does not have. */
const place = {
  /** 64-bit code that every processor begins with. */
  start: 0x28_000,
  /** Task states of the processors, each with a stack for double faults. */
  taskStates: 0x2a_000,
  faultStacks: 0x2c_000,
  tableDescriptor: 0x2f_000,
  /** Real-mode code of the application processors; its page number is the start-up vector. */
  startUp: 0x7f_000,
} as const;

/** First selector of the processors' task states. */
const taskSelector = 0x90;
const msrEndOfInterrupt = 0x80b;

const u32 = (value: number): string => littleEndian(value, 4);

const writeMsr = (msr: number, low: number, high = 0): string =>
  `b9 ${u32(msr)} b8 ${u32(low)} ba ${u32(high)} 0f 30`;

/**
 * Turns x2APIC mode on, loads the task register and the interrupt table, starts a periodic timer, starts the other
 * processors from the first one, and jumps to a block that depends on the APIC id.
 */
const startCode = [
  // mov ecx, 1bh; rdmsr; or eax, c00h; wrmsr
  'b9 1b 00 00 00 0f 32 0d 00 0c 00 00 0f 30',
  // mov ecx, 802h; rdmsr; mov r14d, eax
  'b9 02 08 00 00 0f 32 41 89 c6',
  // shl eax, 4; add eax, the first selector; ltr ax; lidt [...]
  `c1 e0 04 05 ${u32(taskSelector)} 0f 00 d8 0f 01 1c 25 ${u32(place.tableDescriptor)}`,
  // mov esp, ...; mov eax, r14d; shl eax, 5; sub rsp, rax
  `bc ${u32(layout.kernelStack - 0x100)} 44 89 f0 c1 e0 05 48 29 c4`,
  // The spurious vector, the timer's divisor, its entry (periodic, vector 40h) and its count.
  writeMsr(0x80f, 0x1ff),
  writeMsr(0x83e, 0xb),
  writeMsr(0x832, 0x20040),
  writeMsr(0x838, 5000),
  // test r14d, r14d; jnz past two interrupt commands of 17 bytes each: INIT and start-up for all others
  '45 85 f6 75 22',
  writeMsr(0x830, 0xc4500),
  writeMsr(0x830, 0xc4600 | (place.startUp >>> 12)),
  // imul r15d, r14d, 37; mov ebx, ...; lea eax, [r14 + r14 * 4]; shl eax, 6; add eax, ...; sti; jmp rax
  `45 6b fe 25 bb ${u32(places.data)} 43 8d 04 b6 c1 e0 06 05 ${u32(places.program)} fb ff e0`,
].join(' ');

/** From real mode to 64-bit mode with the tables of the first processor; the descriptor of the GDT lies behind the code. */
const startUpCode = [
  // cli; xor ax, ax; mov bx, the code's segment; mov ds, bx; lgdt [80h]
  'fa 31 c0 bb 00 7f 8e db 66 0f 01 16 80 00',
  // CR4, CR3, IA32_EFER (SCE, LME, NXE), CR0
  '66 b8 a0 06 00 00 0f 22 e0 66 b8 00 10 00 00 0f 22 d8',
  '66 b9 80 00 00 c0 66 b8 01 09 00 00 66 31 d2 0f 30 66 b8 31 00 01 80 0f 22 c0',
  // jmp far
  `66 ea ${u32(place.start)} 08 00`,
].join(' ');

/** Every handler: end of interrupt, then the next block with the registers that blocks need. */
const handlerCode = [
  writeMsr(msrEndOfInterrupt, 0),
  `41 ff c7 44 89 f8 25 ${u32(places.blocks - 1)} c1 e0 06 05 ${u32(places.program)}`,
  `bc ${u32(layout.kernelStack - 0x100)} bb ${u32(places.data)} fc fb ff e0`,
].join(' ');

const interrupt: Template = (random) => {
  const vector = 0x20 + random.below(0x40);
  return random.pick([
    writeMsr(0x83f, vector),
    writeMsr(0x830, 0x40000 | vector),
    writeMsr(0x830, 0xc0000 | vector),
    writeMsr(0x830, 0x80000 | vector),
    writeMsr(0x830, vector, random.below(processorsMax)),
    writeMsr(0x830, 0xc0400),
    // At a level, to a logical destination, and a vector that is none.
    writeMsr(0x830, 0x4000 | 0x800 | vector, 1 << random.below(processorsMax)),
    writeMsr(0x830, 0x40000 | random.below(16)),
    writeMsr(0x808, random.below(4) << 4),
    writeMsr(msrEndOfInterrupt, 0),
    'fb f4',
  ]);
};

const timer: Template = (random) =>
  random.pick([
    writeMsr(0x838, 100 + random.below(20_000)),
    writeMsr(0x832, random.pick([0x40, 0x20040, 0x40040, 0x41])),
    writeMsr(0x6e0, random.below(400_000)),
    writeMsr(0x83e, random.pick([0, 1, 2, 3, 8, 9, 10, 11])),
  ]);

const msrs = [
  ...[0x10, 0x1b, 0x3b, 0x48, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x1a0, 0x200, 0x201, 0x250, 0x277],
  ...[0x2ff, 0x802, 0x80a, 0x80d, 0x810, 0x820, 0x828, 0x835, 0x836, 0x839],
  ...[0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102],
  ...[0xc0000103, 0x40000000, 0x40000002, 0x40000020, 0x40000022, 0x40000023, 0x40000070],
];

const modelSpecific: Template = (random) => {
  const msr = random.pick(msrs);
  if (random.chance(60)) return `b9 ${u32(msr)} 0f 32`;
  // Not what ends IA-32e mode, the APIC or the stack of system calls.
  const isKept = msr === 0x1b || msr === 0xc0000080;
  return isKept ? `b9 ${u32(msr)} 0f 32 0f 30` : writeMsr(msr, random.next(), random.below(2));
};

/** Pages of the hypervisor over pages of data, synthetic interrupts and timers (TLFS 3, 11, 12). */
const synthetic: Template = (random) => {
  const page = places.data + random.below(places.dataPages) * 0x1000;
  return random.pick([
    writeMsr(0x40000000, random.below(2)),
    writeMsr(0x40000001, page | random.below(2)),
    writeMsr(0x40000021, page | random.below(2)),
    writeMsr(0x40000073, page | random.below(2)),
    writeMsr(0x40000080, random.below(2)),
    writeMsr(0x40000082, page | random.below(2)),
    writeMsr(0x40000083, page | random.below(2)),
    writeMsr(0x40000090 + random.below(16), random.pick([0x50, 0x20052, 0x10000])),
    writeMsr(0x400000b0 + random.below(4) * 2, random.pick([0x1511, 0x1523, 0, 0x10009])),
    writeMsr(0x400000b1 + random.below(4) * 2, 1 + random.below(300)),
    `b9 ${u32(random.pick([2, 3, 8, 0xb, 0x5c, 0x5d, 0x10008]))} 31 d2 45 31 c0 0f 01 c1`,
  ]);
};

/** Bits of control registers that change what translations mean; CR8; ports of the board. */
const control: Template = (random) =>
  random.pick([
    `0f 20 c0 35 ${u32(0x10000)} 0f 22 c0`,
    `0f 20 e0 35 ${u32(0x80)} 0f 22 e0`,
    `0f 20 e0 35 ${u32(random.pick([0x100000, 0x4, 0x10000, 0x800]))} 0f 22 e0`,
    `b8 ${u32(random.below(3))} 44 0f 22 c0`,
    '44 0f 20 c0',
    'e4 61',
    'b0 04 e6 43',
    'e4 40',
    'b0 0c e6 70 e4 71',
    'e6 80',
    '66 ba f8 03 ec',
    '0f 09',
    '0f 06',
    `b8 ${u32(places.data)} 0f 01 c8 0f 01 c9`,
    'b9 00 00 00 00 31 c0 31 d2 0f 33',
  ]);

const machineTemplates: WeightedTemplates = [
  [5, interrupt],
  [3, timer],
  [4, modelSpecific],
  [3, synthetic],
  [5, control],
];

/** Memory of all these machines, but for the program. */
function machinePages(): ReadonlyMap<number, Uint8Array> {
  const pages = new Map(new ProgramLab(64).pages());
  const write = (address: number, bytes: Uint8Array): void => {
    const page = pages.get(address >>> 12) ?? new Uint8Array(0x1000);
    page.set(bytes, address & 0xfff);
    pages.set(address >>> 12, page);
  };
  const put = (address: number, text: string): void => write(address, machineCode(text));
  put(place.start, startCode);
  put(place.startUp, startUpCode);
  put(place.startUp + 0x80, `ff 00 ${u32(layout.globalTable)}`);
  put(place.tableDescriptor, `ff 0f ${littleEndian(layout.interruptTable, 8)}`);
  put(layout.handlers + 0x2000, handlerCode);
  for (let index = 0; index < processorsMax; index++) {
    const state = place.taskStates + index * 0x80;
    put(state + 0x24, littleEndian(place.faultStacks + (index + 1) * 0x400, 8));
    const type = 0x89;
    put(
      layout.globalTable + taskSelector + index * 16,
      `67 00 ${littleEndian(state & 0xffffff, 3)} ${littleEndian(type, 1)} 00 00`,
    );
  }
  // Double faults have a stack of their own.
  put(layout.interruptTable + 8 * 16 + 4, '01');
  return pages;
}

let usualPages: ReadonlyMap<number, Uint8Array> | undefined;

const fieldsOfProcessor = [
  ...['CR0', 'CR3', 'CR4', 'IA32_EFER', 'GDTR_BASE', 'GDTR_LIMIT', 'CS_SELECTOR', 'SS_SELECTOR'],
].map((name) => `GUEST_${name}`);

/** A machine whose processors run a random program from its first step on. */
export function randomMachine(
  random: SeededRandom,
  processorCount: number,
  ports: Partial<Pick<MachinePorts, 'codeHost' | 'hotCount' | 'tlbEntries'>>,
): PhysicalMachine {
  const image = { path: 'random', bytes: machineCode('f4 eb fd') };
  const machine = new PhysicalMachine(
    configureSingleGuest({
      ...{ name: 'random', memoryBytes, image, commandLine: '', processorCount },
      ...{ format: 'flat', flat: { address: 0x100_000, mode: 'long' } },
    }),
    { codeHost: webAssemblyCodeHost, ...ports },
  );
  const [guest] = machine.guests;
  const [first] = guest?.processors ?? [];
  if (guest === undefined || first === undefined) throw new Error('no guest');
  usualPages ??= machinePages();
  for (const [page, bytes] of usualPages) guest.memory.write(page * 0x1000, bytes);
  guest.memory.write(places.program, randomProgram(random, machineTemplates));
  const kernel = GuestKernel.again();
  for (const name of fieldsOfProcessor) first.state.setVmcs(vmcsEncoding(name), kernel.field(name));
  first.state.setVmcs(vmcsEncoding('GUEST_CS_SELECTOR'), BigInt(selector.kernelCode));
  first.state.setVmcs(vmcsEncoding('GUEST_SS_SELECTOR'), BigInt(selector.kernelData));
  first.state.rip = BigInt(place.start);
  first.core.stateWasEdited();
  return machine;
}
