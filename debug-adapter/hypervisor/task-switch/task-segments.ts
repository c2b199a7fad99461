/** Loads the segment registers of a new task, with the checks that a task switch makes (SDM vol. 3, 7.3 and table 7-1). */
import type { ProcessorCore, SystemAccessFailure } from '../../machine/processor';
import { vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { ExceptionNumber } from '../../spec/x86/exceptions';

export type SegmentName = 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS' | 'LDTR' | 'TR';

/** An 8-byte descriptor and where it lies. */
export interface TableEntry {
  readonly address: bigint;
  readonly low: number;
  readonly high: number;
}

/** Access rights in VMCS format (SDM vol. 3, table 25-2). */
const unusable = 0x10000n;
const virtual8086Rights = 0xf3n;
const virtual8086Limit = 0xffffn;
const presentBit = 0x8000;
const accessedType = 1;
const localTableType = 2;

const encodings = new Map(
  (['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'] as const).map((name) => [
    name,
    {
      selector: vmcsEncoding(`GUEST_${name}_SELECTOR`),
      base: vmcsEncoding(`GUEST_${name}_BASE`),
      limit: vmcsEncoding(`GUEST_${name}_LIMIT`),
      rights: vmcsEncoding(`GUEST_${name}_AR_BYTES`),
    },
  ]),
);
const gdtrBase = vmcsEncoding('GUEST_GDTR_BASE');
const gdtrLimit = vmcsEncoding('GUEST_GDTR_LIMIT');

/** The type field with its S bit. */
export function typeOf({ high }: TableEntry): number {
  return (high >>> 8) & 0x1f;
}

export function baseOf({ low, high }: TableEntry): bigint {
  return BigInt(((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000)) >>> 0);
}

function privilegeOf({ high }: TableEntry): number {
  return (high >>> 13) & 3;
}

function limitOf({ low, high }: TableEntry): number {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return (high & 0x800000) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/** The segment registers of one processor in the course of a task switch. */
export class TaskSegments {
  private readonly state: ProcessorState;

  constructor(
    private readonly core: ProcessorCore,
    /** EXT of error codes: the switch is due to an event outside the program. */
    private readonly external: 0 | 1,
  ) {
    this.state = core.state;
  }

  fault(vector: number, selector: number): SystemAccessFailure {
    const errorCode = (selector & 0xfffc) | this.external;
    return { kind: 'fault', vector, errorCode, address: undefined };
  }

  read(name: SegmentName, part: 'selector' | 'base' | 'limit' | 'rights'): bigint {
    return this.state.vmcs(encodings.get(name)?.[part] ?? 0);
  }

  /** The entry of a non-null selector; one that is beyond its table is #TS. */
  entryOf(selector: number): TableEntry | SystemAccessFailure {
    const isLocal = (selector & 4) !== 0;
    const invalid = this.fault(ExceptionNumber.TS, selector);
    if (isLocal && (this.read('LDTR', 'rights') & unusable) !== 0n) return invalid;
    const base = isLocal ? this.read('LDTR', 'base') : this.state.vmcs(gdtrBase);
    const limit = Number(isLocal ? this.read('LDTR', 'limit') : this.state.vmcs(gdtrLimit));
    const offset = selector & 0xfff8;
    if (offset + 7 > limit) return invalid;
    const address = base + BigInt(offset);
    const data = this.core.readAsSystem(address, 8);
    if (!(data instanceof Uint8Array)) return data;
    const view = new DataView(data.buffer);
    return { address, low: view.getUint32(0, true), high: view.getUint32(4, true) };
  }

  /** Puts an entry into a register. */
  load(name: SegmentName, selector: number, entry: TableEntry): void {
    const rights = BigInt((entry.high >>> 8) & 0xf0ff);
    this.set(name, selector, baseOf(entry), BigInt(limitOf(entry)), rights);
  }

  /** A selector whose descriptor is not loaded (yet): SS nevertheless has the privilege level. */
  loadUnusable(name: SegmentName, selector: number, cpl = 0): void {
    this.set(name, selector, 0n, 0n, unusable | BigInt(cpl << 5));
  }

  /** As virtual-8086 mode does (SDM vol. 3, 21.2.1). */
  loadVirtual8086(name: SegmentName, selector: number): void {
    this.set(name, selector, BigInt(selector) << 4n, virtual8086Limit, virtual8086Rights);
  }

  loadLocalTable(selector: number): SystemAccessFailure | undefined {
    if ((selector & 0xfffc) === 0) return undefined;
    const invalid = this.fault(ExceptionNumber.TS, selector);
    if ((selector & 4) !== 0) return invalid;
    const entry = this.entryOf(selector);
    if ('kind' in entry) return entry;
    if (typeOf(entry) !== localTableType || (entry.high & presentBit) === 0) return invalid;
    this.load('LDTR', selector, entry);
    return undefined;
  }

  loadCode(selector: number): SystemAccessFailure | undefined {
    const level = selector & 3;
    return this.loadChecked('CS', selector, ExceptionNumber.NP, (entry) => {
      const isConforming = (typeOf(entry) & 0x1c) === 0x1c;
      const isCode = (typeOf(entry) & 0x18) === 0x18;
      return isCode && (isConforming ? privilegeOf(entry) <= level : privilegeOf(entry) === level);
    });
  }

  loadStack(selector: number, cpl: number): SystemAccessFailure | undefined {
    return this.loadChecked('SS', selector, ExceptionNumber.SS, (entry) => {
      const isWritable = (typeOf(entry) & 0x1a) === 0x12;
      return isWritable && (selector & 3) === cpl && privilegeOf(entry) === cpl;
    });
  }

  loadData(name: SegmentName, selector: number, cpl: number): SystemAccessFailure | undefined {
    if ((selector & 0xfffc) === 0) return undefined;
    return this.loadChecked(name, selector, ExceptionNumber.NP, (entry) => {
      const type = typeOf(entry);
      const isReadable = (type & 0x18) === 0x10 || (type & 0x1a) === 0x1a;
      const isConforming = (type & 0x1c) === 0x1c;
      const privilege = privilegeOf(entry);
      return isReadable && (isConforming || (privilege >= cpl && privilege >= (selector & 3)));
    });
  }

  private loadChecked(
    name: SegmentName,
    selector: number,
    absent: number,
    isValid: (entry: TableEntry) => boolean,
  ): SystemAccessFailure | undefined {
    if ((selector & 0xfffc) === 0) return this.fault(ExceptionNumber.TS, selector);
    const entry = this.entryOf(selector);
    if ('kind' in entry) return entry;
    if (!isValid(entry)) return this.fault(ExceptionNumber.TS, selector);
    if ((entry.high & presentBit) === 0) return this.fault(absent, selector);
    const accessed = { ...entry, high: entry.high | (accessedType << 8) };
    if (accessed.high !== entry.high) {
      const data = Uint8Array.of((accessed.high >>> 8) & 0xff);
      const failure = this.core.writeAsSystem(entry.address + 5n, data);
      if (failure !== undefined) return failure;
    }
    this.load(name, selector, accessed);
    return undefined;
  }

  private set(
    name: SegmentName,
    selector: number,
    base: bigint,
    limit: bigint,
    rights: bigint,
  ): void {
    const encoding = encodings.get(name);
    if (encoding === undefined) return;
    this.state.setVmcs(encoding.selector, BigInt(selector));
    this.state.setVmcs(encoding.base, base);
    this.state.setVmcs(encoding.limit, limit);
    this.state.setVmcs(encoding.rights, rights);
  }
}
