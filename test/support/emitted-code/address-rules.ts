/**
 * Which addresses emitted code may use, and why: fields of its processor's block, entries of that processor's tables,
 * decoded instructions, and bytes of a page that an entry of the TLB has led to.
 *
 * What the rules build on, and the host's code has to see to: `vpBase` is the address of a processor's block; the
 * pointers in it lead to the tables of the same block; an entry of a TLB has the address of a frame of 4,096 bytes
 * and the page that leads there, or a page that belongs to another index; fields of a decoded instruction are offsets
 * of registers; what the slow path returns is an address of as many bytes as were asked for, in one page.
 * `test/unit/cpu/emitted-code-premises.test.ts` is about these.
 */
import {
  codeTlbEntries,
  dataTlbEntriesMax,
  frameBase,
  jumpCacheEntries,
  processorStride,
  recordCacheEntries,
  recordEntryOffsets,
  runAreaEnd,
  runOffsets,
  tlbEntryBytes,
} from '../../../debug-adapter/cpu/memory-map';
import { blockBytes, offsetTableBytes } from '../../../debug-adapter/cpu/interpreter/offset-tables';
import {
  firstHandler,
  recordBytes,
  recordOffsets,
} from '../../../debug-adapter/cpu/interpreter/record';
import { Refusal } from './module-reader';
import type { Judge, KnownPage, PageUse, PathState } from './path-state';
import { constantOf, type Role, type Term, type Terms } from './terms';

const pageBytes = 4096n;
/** Widest access through a remembered page. */
const widest = 16n;

/** Fields of the block that hold pointers, by offset, and what they lead to. */
export const pointerCells: ReadonlyMap<number, Role> = new Map<number, Role>([
  [runOffsets.readTlb, table('read', dataTlbEntriesMax * tlbEntryBytes)],
  [runOffsets.writeTlb, table('write', dataTlbEntriesMax * tlbEntryBytes)],
  [runOffsets.codeTlb, table('code', codeTlbEntries * tlbEntryBytes)],
  [runOffsets.jumpCache, table('jumps', jumpCacheEntries * tlbEntryBytes)],
  [runOffsets.recordCache, table('records', recordCacheEntries * tlbEntryBytes)],
  [runOffsets.startRecord, { kind: 'record', isCertain: false }],
]);

function table(name: string, bytes: number): Role {
  return { kind: 'table', name, bytes };
}

/** Of a page of decoded code: addresses of blocks, and of such a block: an address for each of some bytes. */
export const offsetTable: Role = table('offsets', offsetTableBytes);
export const placesBlock: Role = table('places', blockBytes);

/** Tables that emitted code fills. */
const writableTables: ReadonlySet<string> = new Set(['jumps', 'records']);

/** Fields of a decoded instruction that emitted code writes. */
const writableRecordFields: ReadonlySet<number> = new Set([
  recordOffsets.link,
  recordOffsets.countdown,
  // Each handler is proved for any instruction, so it does not matter which one a number names.
  recordOffsets.handler,
  recordOffsets.passesLeft,
]);

/** A sum as one of its parts and the rest. */
export function without(terms: Terms, sum: Term, part: Term): Term {
  return terms.subtract(sum, part);
}

/** Parts of a sum with the coefficient 1, or the term itself. */
export function partsOf(term: Term): readonly Term[] {
  if (term.operator !== 'sum') return [term];
  return term.operands.filter((_, index) => term.coefficients[index] === 1n);
}

/** What an address may begin with: one of its parts, or all of it, where the sum is the record behind another one. */
export function basesOf(address: Term): readonly Term[] {
  return [...new Set([address, ...partsOf(address)])];
}

export class AddressRules implements Judge {
  constructor(
    readonly terms: Terms,
    readonly vpBase: Term,
    private readonly tlbEntries: number,
    private readonly pages: readonly number[],
  ) {}

  bound(term: Term, state: PathState): bigint {
    return state.most.get(term) ?? term.most;
  }

  /** Bound of a sum by the bounds of its parts. */
  private boundOfSum(term: Term, state: PathState): bigint {
    if (term.operator !== 'sum') return this.bound(term, state);
    const all = (1n << BigInt(term.bits)) - 1n;
    const most = term.operands.reduce(
      (sum, part, index) => sum + this.bound(part, state) * (term.coefficients[index] ?? 0n),
      term.constant,
    );
    return most > all ? all : most;
  }

  roleOf(term: Term, state: PathState): Role | undefined {
    const { role } = term;
    if (term.bits !== 32) return undefined;
    if (constantOf(term) === 0n) return { kind: 'record', isCertain: false };
    if (role !== undefined) {
      if (role.kind === 'table' || role.isCertain) return role;
      return state.nonzero.has(term) ? { ...role, isCertain: true } : role;
    }
    return (
      this.nextRecord(term, state) ?? this.hostOfEntry(term, state) ?? this.hostOfPage(term, state)
    );
  }

  /** The instruction behind a decoded one, or behind that, where its handler was found to be one of an instruction. */
  private nextRecord(term: Term, state: PathState): Role | undefined {
    const [first] = term.operands;
    if (term.operator !== 'sum' || term.operands.length !== 1 || first === undefined)
      return undefined;
    if (term.coefficients[0] !== 1n) return undefined;
    const role = this.roleOf(first, state);
    if (role?.kind !== 'record' || !role.isCertain) return undefined;
    if (term.constant === BigInt(recordBytes)) return role;
    const next = this.terms.add(first, this.terms.constant(32, BigInt(recordBytes)));
    const isSecond = term.constant === BigInt(2 * recordBytes);
    return isSecond && this.isInstruction(next, state) ? role : undefined;
  }

  /** Whether the handler of a record was compared with those of two instructions: ((handler - a) & ~b) = 0. */
  private isInstruction(record: Term, state: PathState): boolean {
    return [...state.nonzero].some(({ operator, operands: [masked] }) => {
      const [difference] = masked?.operands ?? [];
      if (operator !== 'is_zero' || masked?.operator !== 'and') return false;
      if (difference?.operator !== 'sum' || difference.operands.length !== 1) return false;
      const [field] = difference.operands;
      const least = (1n << 32n) - difference.constant;
      return (
        difference.coefficients[0] === 1n &&
        field?.operator === 'field' &&
        field.operands[0] === record &&
        least >= BigInt(firstHandler) &&
        least <= 0xffffn
      );
    });
  }

  /** The address of a frame that a TLB entry holds, and how far into the page; the entry has been found to be a hit. */
  private hostOfEntry(term: Term, state: PathState): Role | undefined {
    for (const frame of partsOf(term)) {
      if (frame.operator !== 'frame') continue;
      const distance = without(this.terms, term, frame);
      for (const [wide, most] of state.most) {
        if (wide.bits !== 64 || this.terms.wrap(wide) !== distance || most >= pageBytes) continue;
        if (!this.isDistance(wide, frame)) continue;
        return this.host(this.isOfWriteTlb(frame), pageBytes - most);
      }
    }
    return undefined;
  }

  private host(isWritable: boolean, room: bigint): Role {
    return { kind: 'host', isWritable, room: Number(room), isCertain: true };
  }

  /** Whether a term is an address less the page of the entry that belongs to that address. */
  private isDistance(distance: Term, frame: Term): boolean {
    const [entry] = frame.operands;
    const { terms } = this;
    if (entry === undefined) return false;
    for (const tag of distance.operands.filter(({ operator }) => operator === 'page')) {
      if (tag.operands[0] !== entry || tag.key !== frame.key) continue;
      const address = terms.add(distance, tag);
      if (this.entriesOf(address, entry).includes(entry)) return true;
    }
    return false;
  }

  /** The entry of an address in the table that `entry` lies in, in the two ways in which it is computed. */
  private entriesOf(address: Term, entry: Term, entries = this.tlbEntries): readonly Term[] {
    const { terms } = this;
    const base = entry.operands.find(({ role }) => role?.kind === 'table');
    if (base === undefined || address.bits !== 64) return [];
    const shifted = (by: bigint): Term =>
      terms.wrap(terms.of(64, 'shr_u', [address, terms.constant(64, by)], (1n << (64n - by)) - 1n));
    const last = BigInt(entries - 1);
    const masked = (value: Term, mask: bigint): Term =>
      terms.of(32, 'and', [value, terms.constant(32, mask)], mask);
    const bytes = BigInt(tlbEntryBytes);
    return [
      terms.add(base, masked(shifted(8n), last * bytes)),
      terms.add(base, terms.scale(masked(shifted(12n), last), bytes)),
    ];
  }

  /** Whether an entry of the code TLB has been found to be that of an address. */
  isCodeHit(entry: Term, key: string, state: PathState): boolean {
    for (const { operator, operands } of state.nonzero) {
      if (operator !== 'eq') continue;
      const isPage = ({ operator: name, operands: of, key: epoch }: Term): boolean =>
        name === 'page' && of[0] === entry && epoch === key;
      if (!operands.some(isPage)) continue;
      const addresses = operands
        .filter((each) => !isPage(each))
        .flatMap((each) => [each, ...each.operands]);
      if (
        addresses.some((address) => this.entriesOf(address, entry, codeTlbEntries).includes(entry))
      )
        return true;
    }
    return false;
  }

  /** Whether an entry of the record cache has been found to be that of an address: no address has a tag of 0. */
  isRecordHit(entry: Term, key: string, state: PathState): boolean {
    return [...state.nonzero].some(({ operator, operands }) => {
      if (operator !== 'eq') return false;
      const isTag = ({ operator: name, operands: of, key: epoch }: Term): boolean =>
        name === 'tag' && of[0] === entry && epoch === key;
      return operands.some(isTag) && operands.some((each) => each.operator === 'xor');
    });
  }

  /** @throws Refusal where what goes to the record cache as a record may be none */
  checkRecord(address: Term, offset: number, value: Term, state: PathState): void {
    const isOfRecords = partsOf(address).some((part) => {
      const role = this.roleOf(part, state);
      return role?.kind === 'table' && role.name === 'records';
    });
    if (!isOfRecords || offset === recordEntryOffsets.tag) return;
    const role = this.roleOf(value, state);
    if (offset === recordEntryOffsets.record && role?.kind === 'record' && role.isCertain) return;
    throw new Refusal(`store of ${show(value)} to the record cache`);
  }

  private isOfWriteTlb(frame: Term): boolean {
    const base = frame.operands[0]?.operands.find(({ role }) => role?.kind === 'table');
    return base?.role?.kind === 'table' && base.role.name === 'write';
  }

  /** An address in a page that the region remembers: its distance from the start is below the limit. */
  private hostOfPage(term: Term, state: PathState): Role | undefined {
    const { terms } = this;
    for (const first of this.pages) {
      const page = this.pageAt(first, state);
      if (page === undefined || page.use === 'none') continue;
      const address = without(terms, term, page.delta);
      const isInside = state.less.some(
        ([distance, limit]) =>
          limit === page.limit && terms.wrap(terms.add(distance, page.start)) === address,
      );
      if (isInside) return this.host(page.use === 'write', widest);
    }
    return undefined;
  }

  pageAt(first: number, state: PathState): KnownPage | undefined {
    const [start, delta, limit] = state.locals.slice(first);
    if (start === undefined || delta === undefined || limit === undefined) return undefined;
    const shown = state.pages.get(first);
    if (shown?.start === start && shown.delta === delta && shown.limit === limit) return shown;
    const most = constantOf(limit);
    if (most === 0n) return { use: 'none', start, delta, limit };
    if (most === undefined || most > pageBytes - widest + 1n) return undefined;
    const use = this.useOfEntry(start, delta, state);
    return use === undefined ? undefined : { use, start, delta, limit };
  }

  /** Start and delta of a page as they are taken from an entry that has been found to be a hit. */
  private useOfEntry(start: Term, delta: Term, state: PathState): PageUse | undefined {
    const frame = partsOf(delta).find(({ operator }) => operator === 'frame');
    if (frame === undefined || start.operator !== 'page') return undefined;
    if (without(this.terms, delta, frame) !== this.terms.scale(this.terms.wrap(start), -1n))
      return undefined;
    if (start.operands[0] !== frame.operands[0] || start.key !== frame.key) return undefined;
    const isHit = [...state.most].some(
      ([wide, most]) => wide.bits === 64 && most < pageBytes && this.isDistance(wide, frame),
    );
    if (!isHit) return undefined;
    return this.isOfWriteTlb(frame) ? 'write' : 'read';
  }

  /** @throws Refusal where no rule allows the access */
  check(address: Term, offset: number, bytes: number, isStore: boolean, state: PathState): void {
    const end = BigInt(offset + bytes);
    const host = this.roleOf(address, state);
    if (
      host?.kind === 'host' &&
      host.isCertain &&
      end <= host.room &&
      (!isStore || host.isWritable)
    )
      return;
    for (const part of basesOf(address)) {
      const rest = without(this.terms, address, part);
      const reach = this.boundOfSum(rest, state) + end;
      if (part === this.vpBase && reach <= processorStride) {
        if (!isStore || this.mayStore(rest, offset, bytes)) return;
      }
      const role = this.roleOf(part, state);
      if (role?.kind === 'table' && reach <= role.bytes) {
        if (!isStore || writableTables.has(role.name)) return;
      }
      if (role?.kind === 'record' && role.isCertain && reach <= recordBytes) {
        const at = constantOf(rest);
        if (!isStore || (at !== undefined && writableRecordFields.has(Number(at) + offset))) return;
      }
    }
    throw new Refusal(
      `${isStore ? 'store' : 'load'} of ${bytes} bytes at ${show(address)} + ${offset}`,
    );
  }

  /** The tables and the pointers to them are the host's; a decoded instruction names registers. */
  private mayStore(rest: Term, offset: number, bytes: number): boolean {
    const at = constantOf(rest);
    if (at === undefined) return rest.operator === 'field';
    const first = Number(at) + offset;
    if (first + bytes > runAreaEnd) return false;
    return [...pointerCells.keys()].every(
      (cell) => cell === runOffsets.startRecord || first + bytes <= cell || first >= cell + 4,
    );
  }

  /** Bytes behind or before an element of a page, as many as the page has (`semantics/string.ts`). */
  checkBulk(to: Term, bytes: Term, isStore: boolean, state: PathState): void {
    const { terms } = this;
    for (const choice of partsOf(to)) {
      const [down, up, isDown] = choice.operands;
      if (choice.operator !== 'select' || up === undefined || isDown === undefined) continue;
      const host = without(terms, to, choice);
      const role = this.roleOf(host, state);
      const width = constantOf(up);
      if (role?.kind !== 'host' || !role.isCertain || width === undefined) continue;
      if (BigInt(role.room) < width || (isStore && !role.isWritable)) continue;
      if ((state.least.get(host) ?? 0n) < BigInt(frameBase)) continue;
      if (down !== terms.scale(bytes, -1n)) continue;
      const below = terms.of(32, 'and', [host, terms.constant(32, pageBytes - 1n)], pageBytes - 1n);
      const above = terms.subtract(terms.constant(32, pageBytes - width), below);
      const room = terms.of(32, 'select', [below, above, isDown]);
      if (this.countsOf(bytes, width).some((count) => isQuotient(count, room, width))) return;
    }
    throw new Refusal(`bulk ${isStore ? 'write' : 'read'} at ${show(to)} of ${show(bytes)}`);
  }

  /** Upper bounds of the number of elements that make up so many bytes. */
  private countsOf(bytes: Term, width: bigint): readonly Term[] {
    const count = width === 1n ? bytes : bytes.operands[0];
    if (count === undefined || this.terms.scale(count, width) !== bytes) return [];
    return boundsOf(count);
  }
}

/** Terms that a minimum of several is not above. */
function boundsOf(term: Term): readonly Term[] {
  const [a, b, condition] = term.operands;
  if (term.operator !== 'select' || a === undefined || b === undefined) return [term];
  const [x, y] = condition?.operands ?? [];
  if (condition?.operator !== 'lt_u' || x !== a || y !== b) return [term];
  return [...boundsOf(a), ...boundsOf(b)];
}

function isQuotient(count: Term, room: Term, width: bigint): boolean {
  if (width === 1n) return count === room;
  const [value, by] = count.operands;
  if (count.operator !== 'shr_u' || value !== room || by === undefined) return false;
  const shift = constantOf(by);
  return shift !== undefined && 1n << shift === width;
}

/** A term as a refusal shows it. */
export function show(term: Term, depth = 3): string {
  if (depth === 0) return `#${term.id}`;
  const inner = term.operands.map((operand, index) => {
    const factor = term.coefficients[index] ?? 1n;
    return `${factor === 1n ? '' : `${factor}*`}${show(operand, depth - 1)}`;
  });
  const role = term.role === undefined ? '' : `:${term.role.kind}`;
  if (term.operator === 'sum') return [...inner, term.constant].join(' + ');
  return `${term.operator}${role}#${term.id}(${inner.join(', ')})`;
}
