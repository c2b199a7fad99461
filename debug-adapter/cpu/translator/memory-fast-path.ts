/**
 * The fast path of a region's accesses to memory: an address is looked up in the TLB, or first compared with the page
 * that the same operand lay in before. Nothing changes the TLBs while a region runs, so what it knew once still holds.
 */
import { tlbEntryShift } from '../memory-map';
import type { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';

const pageBytes = 4096;
/** Widest access that is compared with a known page. */
const accessBytesMax = 16;
/** Known pages of one region: each takes three locals. */
const knownPagesMax = 12;

/** A page that an operand lay in, in locals of the region; all are 0 at its start, when no page is known. */
export interface KnownPage {
  /** i64: address of its first byte. */
  readonly start: number;
  /** i32: what leads from an address in it to one in the space. */
  readonly delta: number;
  /** i64: distances from the start below this are in the page; 0 where no page is known. */
  readonly limit: number;
}

export class MemoryFastPath {
  private readonly address: number;
  private readonly entry: number;
  private readonly distance: number;
  private readonly pages = new Map<string, KnownPage>();

  constructor(
    private readonly body: FunctionBody,
    private readonly tlbEntries: number,
  ) {
    this.address = body.addLocal('i64');
    this.entry = body.addLocal('i32');
    this.distance = body.addLocal('i64');
  }

  /** The page that operands with a key have in common; undefined where there are too many. */
  pageOf(key: string): KnownPage | undefined {
    const known = this.pages.get(key);
    if (known !== undefined || this.pages.size === knownPagesMax) return known;
    const { body } = this;
    const page = {
      start: body.addLocal('i64'),
      delta: body.addLocal('i32'),
      limit: body.addLocal('i64'),
    };
    this.pages.set(key, page);
    return page;
  }

  /**
   * Looks the address on the stack up in a TLB, a local: keeps the entry, and the distance from its page.
   * Pushes whether it does not have the address.
   */
  lookUp(tlb: number, bytes: number): void {
    const { body, address, entry, distance } = this;
    // The number of the page times the size of an entry, in one shift.
    body
      .tee(address)
      .i64Halves(12 - tlbEntryShift, 0)
      .op(op.i64ShrU)
      .op(op.i32WrapI64);
    body.i32((this.tlbEntries - 1) << tlbEntryShift).op(op.i32And);
    body.get(tlb).op(op.i32Add).set(entry);
    body.get(address).get(entry).memory(op.i64Load, 0).op(op.i64Sub).tee(distance);
    body.i64Halves(pageBytes - bytes, 0).op(op.i64GtU);
  }

  /** After a look-up: sets a local to the address in the space. */
  setHost(host: number): void {
    const { body, entry, distance } = this;
    body.get(entry).memory(op.i32Load, 8).get(distance).op(op.i32WrapI64);
    body.op(op.i32Add).set(host);
  }

  /** Begins what is left out where the address lies in a known page. */
  beginKnown(): void {
    this.body.block('known');
  }

  /** Takes the address on the stack; sets `host` and goes to the end where it lies in the page. */
  goIfKnown(page: KnownPage, host: number): void {
    const { body, address } = this;
    body.tee(address).op(op.i32WrapI64).get(page.delta).op(op.i32Add).set(host);
    body.get(address).get(page.start).op(op.i64Sub).get(page.limit).op(op.i64LtU).brIf('known');
  }

  /** Pushes the address that {@link goIfKnown} has taken. */
  pushAddress(): void {
    this.body.get(this.address);
  }

  /** After a look-up: its page is the known one from now on. */
  endKnown(page: KnownPage, host: number): void {
    const { body, address, entry } = this;
    body.get(entry).memory(op.i64Load, 0).tee(page.start).op(op.i32WrapI64).set(page.delta);
    body.get(entry).memory(op.i32Load, 8).get(page.delta).op(op.i32Sub).tee(page.delta);
    body.get(address).op(op.i32WrapI64).op(op.i32Add).set(host);
    body.i64Halves(pageBytes - accessBytesMax + 1, 0).set(page.limit);
    body.end();
  }
}
