/** A processor without hypervisor or devices, in 64-bit mode over flat page tables, for instruction tests. */
import { runOffsets } from '../../debug-adapter/cpu/memory-map';
import type { VariantTable } from '../../debug-adapter/cpu/decode/variants';
import { createPartitionCores } from '../../debug-adapter/cpu/processor-core-factory';
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import type { CodeArchive } from '../../debug-adapter/machine/code-archive';
import type { CodeHost } from '../../debug-adapter/machine/code-space';
import type { GuestMemory } from '../../debug-adapter/machine/guest-memory';
import type { PartitionClock } from '../../debug-adapter/machine/partition-clock';
import type { ProcessorCore } from '../../debug-adapter/machine/processor';
import type { LinearAddressBits } from '../../debug-adapter/spec/x86/address-widths';
import { vmcsEncoding, type ProcessorState } from '../../debug-adapter/machine/processor-state';

const memoryBytes = 16 << 20;
const tablesGpa = 0x1000;
const present = 1n;
const writable = 2n;
const user = 4n;

/** Page mapping rights beyond "present". */
export interface MappingRights {
  readonly writable?: boolean;
  readonly user?: boolean;
  readonly noExecute?: boolean;
}

export interface BareProcessorOptions {
  readonly tlbEntries?: number;
  readonly processorCount?: number;
  /** 57 where 5-level paging may be turned on. */
  readonly linearAddressBits?: LinearAddressBits;
  /** Jumps to a place until it is translated, 0 for never, or as many as anywhere else. */
  readonly hotCount?: number | 'usual';
  /** As in `PartitionCoreOptions`; a test that rewrites one page for each case sets no bound. */
  readonly changesOfUnstablePage?: number;
  /** As in `PartitionCoreOptions`. */
  readonly modulesMax?: number;
  /** What instructions mean; a test may bring a wrong meaning. */
  readonly variants?: VariantTable;
  /** Loads the generated code; a test may count what is loaded. */
  readonly codeHost?: CodeHost;
  /** Translations of earlier runs. */
  readonly archive?: CodeArchive;
}

export class BareProcessor {
  readonly memory: GuestMemory;
  readonly clock: PartitionClock;
  readonly core: ProcessorCore;
  readonly cores: readonly ProcessorCore[];
  /** Where the next paging structure goes. */
  protected nextTable = tablesGpa + 0x1000;

  constructor(options: BareProcessorOptions = {}) {
    const { tlbEntries = 64, processorCount = 1, hotCount = 0 } = options;
    const made = createPartitionCores(options.codeHost ?? webAssemblyCodeHost, {
      memoryBytes,
      processorCount,
      tlbEntries,
      ...(hotCount === 'usual' ? {} : { hotCount }),
      ...(options.linearAddressBits === undefined
        ? {}
        : { linearAddressBits: options.linearAddressBits }),
      ...(options.changesOfUnstablePage === undefined
        ? {}
        : { changesOfUnstablePage: options.changesOfUnstablePage }),
      ...(options.modulesMax === undefined ? {} : { modulesMax: options.modulesMax }),
      ...(options.variants === undefined ? {} : { variants: options.variants }),
      ...(options.archive === undefined ? {} : { archive: options.archive }),
    });
    this.memory = made.memory;
    this.clock = made.clock;
    this.cores = made.cores;
    const [core] = made.cores;
    if (core === undefined) throw new Error('no processor');
    this.core = core;
    this.memory.mapRam(0, memoryBytes / 4096);
    for (const each of made.cores) this.enterLongMode(each);
  }

  get state(): ProcessorState {
    return this.core.state;
  }

  /** Steps taken in translated code, modulo 2^32. */
  get translatedSteps(): number {
    const view = new DataView(this.state.bytes.buffer, this.state.bytes.byteOffset);
    return view.getUint32(this.state.vpBase + runOffsets.translatedSteps, true);
  }

  setField(name: string, value: bigint, core = this.core): void {
    core.state.setVmcs(vmcsEncoding(name), value);
  }

  field(name: string): bigint {
    return this.state.vmcs(vmcsEncoding(name));
  }

  /** Maps one 4 KiB page. */
  map(linear: bigint, gpa: number, rights: MappingRights = {}): void {
    let table = tablesGpa;
    for (const shift of [39n, 30n, 21n]) {
      const at = table + Number((linear >> shift) & 511n) * 8;
      let entry = this.readU64(at);
      if (entry === 0n) {
        entry = BigInt(this.nextTable) | present | writable | user;
        this.nextTable += 0x1000;
        this.writeU64(at, entry);
      }
      table = Number(entry & 0xffffffffff000n);
    }
    const bits =
      present |
      (rights.writable === false ? 0n : writable) |
      (rights.user === false ? 0n : user) |
      (rights.noExecute === true ? 1n << 63n : 0n);
    this.writeU64(table + Number((linear >> 12n) & 511n) * 8, BigInt(gpa) | bits);
  }

  readU64(gpa: number): bigint {
    const bytes = this.memory.read(gpa, 8) ?? new Uint8Array(8);
    return new DataView(bytes.buffer).getBigUint64(0, true);
  }

  writeU64(gpa: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    this.memory.write(gpa, bytes);
  }

  /** 0 or 3, with flat segments. */
  setPrivilege(level: 0 | 3): void {
    const rights = BigInt(level << 5);
    this.setField('GUEST_CS_AR_BYTES', 0xa09bn | rights);
    this.setField('GUEST_SS_AR_BYTES', 0xc093n | rights);
    this.core.stateWasEdited();
  }

  /** 0 or 3, in compatibility mode with flat 32-bit segments. */
  setCompatibilityMode(level: 0 | 3): void {
    const rights = BigInt(level << 5);
    this.setField('GUEST_CS_AR_BYTES', 0xc09bn | rights);
    for (const name of ['CS', 'DS', 'ES', 'SS']) {
      this.setField(`GUEST_${name}_BASE`, 0n);
      this.setField(`GUEST_${name}_LIMIT`, 0xffffffffn);
      if (name !== 'CS') this.setField(`GUEST_${name}_AR_BYTES`, 0xc093n | rights);
    }
    this.core.stateWasEdited();
  }

  private enterLongMode(core: ProcessorCore): void {
    const fields: readonly (readonly [string, bigint])[] = [
      ['GUEST_CR0', 0x80010031n],
      ['GUEST_CR3', BigInt(tablesGpa)],
      ['GUEST_CR4', 0x620n],
      ['GUEST_IA32_EFER', 0xd00n],
      ['GUEST_CS_SELECTOR', 0x8n],
      ['GUEST_SS_SELECTOR', 0x10n],
      ['GUEST_CS_LIMIT', 0xffffffffn],
      ['GUEST_CS_AR_BYTES', 0xa09bn],
      ['GUEST_SS_AR_BYTES', 0xc093n],
      ['CPU_BASED_VM_EXEC_CONTROL', 0x81000080n],
      ['EXCEPTION_BITMAP', 0n],
    ];
    for (const [name, value] of fields) this.setField(name, value, core);
    core.state.rflags = 2;
    core.stateWasEdited();
  }
}
