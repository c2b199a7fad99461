/** Small guests in machine code for tests of interrupts: 64-bit mode, an interrupt table, counting handlers. */
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import type {
  GuestConfiguration,
  MachineConfiguration,
} from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { defaultCosts } from '../../debug-adapter/system/virtual-time-costs';
import { littleEndian, machineCode } from './machine-code';

/** Where the parts of the image lie. Memory below it is free for the guest's variables. */
export const place = {
  image: 0x10000,
  interruptTable: 0x12000,
  tableDescriptor: 0x13000,
  handlers: 0x14000,
  /** Real-mode code of application processors: start-up vector 0x20. */
  startUp: 0x20000,
  /** 32-bit counters of handlers by vector. */
  counters: 0xc000,
  stack: 0x80000,
  end: 0x21000,
} as const;

export const startUpVector = place.startUp >>> 12;

const u32 = (value: number): string => littleEndian(value, 4);

/** Pieces of code, as hexadecimal text. */
export const code = {
  /** Sets RSP and IDTR. */
  prologue: `bc ${u32(place.stack)} 0f 01 1c 25 ${u32(place.tableDescriptor)}`,
  /** mov eax, 0xfee00000; mov dword [rax + offset], value */
  writeApic: (offset: number, value: number): string =>
    `b8 ${u32(0xfee00000)} c7 80 ${u32(offset)} ${u32(value)}`,
  /** mov eax, 0xfee00000; mov eax, [rax + offset] */
  readApic: (offset: number): string => `b8 ${u32(0xfee00000)} 8b 80 ${u32(offset)}`,
  /** mov [address], eax */
  storeEax: (address: number): string => `89 04 25 ${u32(address)}`,
  writeMsr: (msr: number, value: bigint): string =>
    `b9 ${u32(msr)} b8 ${littleEndian(value & 0xffffffffn, 4)} ba ${littleEndian(value >> 32n, 4)} 0f 30`,
  readMsr: (msr: number): string => `b9 ${u32(msr)} 0f 32`,
  /** mov eax, [address] */
  loadEax: (address: number): string => `8b 04 25 ${u32(address)}`,
  /** mov dword [address], value */
  store: (address: number, value: number): string => `c7 04 25 ${u32(address)} ${u32(value)}`,
  /** mov ecx, count; L: dec ecx; jnz L */
  count: (count: number): string => `b9 ${u32(count)} ff c9 75 fc`,
  /** inc dword [address] */
  increment: (address: number): string => `ff 04 25 ${u32(address)}`,
  /** L: cmp dword [address], value; jb L */
  waitFor: (address: number, value: number): string =>
    `81 3c 25 ${u32(address)} ${u32(value)} 72 f3`,
  /** L: hlt; cmp dword [address], value; jb L */
  haltUntil: (address: number, value: number): string =>
    `f4 81 3c 25 ${u32(address)} ${u32(value)} 72 f2`,
  sti: 'fb',
  cli: 'fa',
  hlt: 'f4',
  nop: '90',
  /** mov al, code; out 0xf4, al: the guest ends with twice the code and 1 */
  exit: (status: number): string => `b0 ${littleEndian(status, 1)} e6 f4`,
} as const;

/** Address of a vector's counter. */
export function counterOf(vector: number): number {
  return place.counters + vector * 4;
}

const bytesOfHandler = 64;

/** Counts, ends the interrupt where asked, and returns. */
function handler(vector: number, endsInterrupt: boolean): string {
  const end = endsInterrupt ? code.writeApic(0xb0, 0) : '';
  return `50 ${code.increment(counterOf(vector))} ${end} 58 48 cf`;
}

export interface InterruptGuest {
  /** Code of the boot processor. */
  readonly boot: string;
  /** Real-mode code of the others. */
  readonly startUp?: string;
  readonly processorCount?: number;
  /** Handlers that differ from counting and EOI. */
  readonly handlers?: ReadonlyMap<number, string>;
  /** What differs in its configuration. */
  readonly options?: Partial<GuestConfiguration>;
}

function imageOf({ boot, startUp = 'f4 eb fd', handlers = new Map() }: InterruptGuest): Uint8Array {
  const image = new Uint8Array(place.end - place.image);
  const put = (address: number, bytes: Uint8Array): void => {
    image.set(bytes, address - place.image);
  };
  const view = new DataView(image.buffer);
  put(place.image, machineCode(`${code.prologue} ${boot}`));
  put(place.startUp, machineCode(startUp));
  put(place.tableDescriptor, machineCode(`ff0f ${littleEndian(place.interruptTable, 8)}`));
  for (let vector = 0; vector < 256; vector++) {
    const address = place.handlers + vector * bytesOfHandler;
    const text = handlers.get(vector) ?? handler(vector, vector >= 32);
    put(address, machineCode(text));
    const at = place.interruptTable - place.image + vector * 16;
    const low = BigInt(address & 0xffff) | (8n << 16n) | (0x8e00n << 32n);
    view.setBigUint64(at, low | (BigInt(address >>> 16) << 48n), true);
  }
  return image;
}

/** The configuration of that guest. */
export function interruptGuest(guest: InterruptGuest): GuestConfiguration {
  return {
    name: 'interrupts',
    memoryBytes: 4 << 20,
    image: { path: 'interrupts', bytes: imageOf(guest) },
    commandLine: '',
    format: 'flat',
    flat: { address: place.image, mode: 'long' },
    processorCount: guest.processorCount ?? 1,
    ...guest.options,
  };
}

/** A machine with that guest. */
export function interruptMachine(guest: InterruptGuest, hotCount = 0): PhysicalMachine {
  const configuration: MachineConfiguration = {
    guests: [interruptGuest(guest)],
    costs: defaultCosts,
  };
  return new PhysicalMachine(configuration, { codeHost: webAssemblyCodeHost, hotCount });
}

/** A 32-bit variable of the guest. */
export function variable(machine: PhysicalMachine, address: number): number {
  const bytes = machine.guests[0]?.memory.read(address, 4) ?? new Uint8Array(4);
  return new DataView(bytes.buffer).getUint32(0, true);
}
