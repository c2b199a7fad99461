/**
 * Emits a region as one WebAssembly function `(vpBase, budget, entry) → budget left`. Where it leaves, registers and
 * state.rip are exact, flags are exact or due, and every executed instruction has been taken from the budget.
 */
import { stateOffsets } from '../../machine/processor-state';
import { InvariantError, present } from '../../support/assert';
import { runOffsets } from '../memory-map';
import { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';
import { emitDueFlags } from './due-flags';
import { flagsAreDeadAt, readsFlags, regionFactsOf, type RegionFacts } from './instruction-facts';
import type { Block, Region } from './region';
import { targetsOf } from './region';
import { RegionLowering, type RegionLocals, type RegionTraits } from './region-lowering';
import { structure, type Item } from './structure';
import { emitWayOut } from './way-out';

/** By id of a block: index of the item of a list that is the block, or the loop that contains it. */
type Places = readonly (number | undefined)[];

/** A list of items that is being emitted, or the loop around it. */
type Scope =
  | { readonly kind: 'list'; readonly places: Places; readonly name: string }
  | { readonly kind: 'loop'; readonly heads: readonly Block[]; readonly name: string };

/** Instructions of a loop in which it is worth the code to know the pages of operands. */
const tightLoopMax = 128;

const vpBase = 0;
const budget = 1;
/** Id of the block to go to next, wherever a switch has to choose. */
const target = 2;

/** The function of a region. */
export function emitRegion(region: Region, tlbEntries: number): FunctionBody {
  if (region.mode.codeSize === 32) {
    const narrow = new RegionFunction(region, { tlbEntries, isNarrow: true });
    const body = narrow.emit();
    if (!narrow.wroteWide) return body;
  }
  return new RegionFunction(region, { tlbEntries, isNarrow: false }).emit();
}

class RegionFunction {
  private readonly body = new FunctionBody(['i32', 'i32', 'i32'], ['i32']);
  private readonly locals: RegionLocals;
  private readonly facts: RegionFacts;
  private readonly successors: ReadonlyMap<Block, readonly Block[]>;
  private readonly lowering: RegionLowering;
  private readonly scopes: Scope[] = [];
  private readonly deadFlags: ReadonlySet<Block>;
  private readonly readers: ReadonlySet<Block>;
  /** Whether the blocks that are being emitted belong to a loop of few instructions. */
  private isTight = false;
  private names = 0;

  constructor(
    private readonly region: Region,
    private readonly traits: RegionTraits,
  ) {
    const { body } = this;
    const facts = regionFactsOf(region);
    this.facts = facts;
    this.successors = new Map(region.blocks.map((block) => [block, successorsOf(block, region)]));
    this.locals = {
      vpBase,
      budget,
      ipBase: body.addLocal('i64'),
      exitIp: body.addLocal('i64'),
      leaving: body.addLocal('i32'),
      flagResult: body.addLocal('i64'),
      flagCarries: body.addLocal('i32'),
      dueB: body.addLocal('i64'),
      readTlb: body.addLocal('i32'),
      writeTlb: body.addLocal('i32'),
      registers: new Map(facts.used.map((number) => [number, body.addLocal('i64')])),
    };
    this.deadFlags = new Set(region.blocks.filter(flagsAreDeadAt));
    this.readers = new Set(region.blocks.filter(readsFlags));
    const transfers = {
      toOffset: (offset: number): void => this.toOffset(offset),
      toDynamic: (): void => this.toDynamic(),
    };
    this.lowering = new RegionLowering(body, this.locals, transfers, traits);
  }

  get wroteWide(): boolean {
    return this.lowering.wroteWide;
  }

  emit(): FunctionBody {
    const { body, region } = this;
    body.get(budget).i32(region.instructionCount).op(op.i32LtU).if();
    body.get(budget).op(op.return);
    body.end();
    this.emitLoads();
    if (this.traits.isNarrow) this.emitNarrowCheck();
    body.block('exit').block('leave');
    const next = (block: Block): readonly Block[] =>
      present(this.successors.get(block), 'successors');
    this.emitList(structure(region.blocks, region.entries, next), region.entries, []);
    body.end();
    emitWayOut(body, this.locals);
    body.end();
    this.emitStores();
    body.get(budget);
    return body;
  }

  private emitLoads(): void {
    const { body, locals } = this;
    body.get(vpBase).memory(op.i64Load, runOffsets.ipBase).set(locals.ipBase);
    const { readsMemory, writesMemory } = this.facts;
    if (readsMemory) {
      body.get(vpBase).memory(op.i32Load, runOffsets.readTlb).set(locals.readTlb);
    }
    if (writesMemory) {
      body.get(vpBase).memory(op.i32Load, runOffsets.writeTlb).set(locals.writeTlb);
    }
    body.get(vpBase).memory(op.i64Load, runOffsets.dueB).set(locals.dueB);
    body.get(vpBase).memory(op.i64Load, stateOffsets.flagResult).set(locals.flagResult);
    body.get(vpBase).memory(op.i32Load, stateOffsets.flagCarries).set(locals.flagCarries);
    for (const [number, local] of locals.registers) {
      body
        .get(vpBase)
        .memory(op.i64Load, stateOffsets.gpr + number * 8)
        .set(local);
    }
    // The region before may have left flags due; blocks that read them expect them worked out.
    if (this.region.entries.some((entry) => this.readers.has(entry))) {
      emitDueFlags(body, locals, body.addLocal('i64'));
    }
  }

  /** Upper halves that 64-bit code has left in a register are kept: such code is left to the interpreter. */
  private emitNarrowCheck(): void {
    const { body, locals } = this;
    body.i64(0n);
    for (const local of locals.registers.values()) body.get(local).op(op.i64Or);
    body.i64(32n).op(op.i64ShrU).op(op.i64Eqz).op(op.i32Eqz).if();
    body.get(budget).op(op.return);
    body.end();
  }

  private emitStores(): void {
    const { body, locals } = this;
    body.get(vpBase).get(locals.exitIp).memory(op.i64Store, stateOffsets.rip);
    body.get(vpBase).get(locals.flagResult).memory(op.i64Store, stateOffsets.flagResult);
    body.get(vpBase).get(locals.flagCarries).memory(op.i32Store, stateOffsets.flagCarries);
    body.get(vpBase).get(locals.dueB).memory(op.i64Store, runOffsets.dueB);
    for (const number of this.facts.written) {
      const local = present(locals.registers.get(number), 'register local');
      body
        .get(vpBase)
        .get(local)
        .memory(op.i64Store, stateOffsets.gpr + number * 8);
    }
  }

  /** Emits items in order, after a switch over those at which the list can begin. */
  private emitList(
    items: readonly Item[],
    entries: readonly Block[],
    heads: readonly Block[],
  ): void {
    const { body } = this;
    const name = `list${this.names++}`;
    for (let index = items.length - 1; index >= 0; index--) body.block(labelOf(name, index));
    const places = placesOf(items);
    this.emitSwitch(places, entries, heads, name);
    this.scopes.push({ kind: 'list', places, name });
    items.forEach((item) => {
      body.end();
      this.emitItem(item);
    });
    this.scopes.pop();
    // Every item ends in a transfer; control cannot arrive here.
    body.op(op.unreachable);
  }

  /** Goes to one of the entries; to the head of a loop without a jump table, since that is done in every turn. */
  private emitSwitch(
    places: Places,
    entries: readonly Block[],
    heads: readonly Block[],
    name: string,
  ): void {
    const indexes = entries.map(({ id }) => present(places[id], 'place of an entry'));
    const [first = 0] = indexes;
    const start = labelOf(name, first);
    if (indexes.every((index) => index === first)) {
      this.body.br(start);
      return;
    }
    const [head, ...others] = heads;
    if (head !== undefined && others.length === 0) {
      this.body.get(target).i32(head.id).op(op.i32Eq);
      this.body.brIf(labelOf(name, present(places[head.id], 'head')));
    }
    const labels: string[] = [];
    entries.forEach(({ id }, index) => {
      while (labels.length < id) labels.push(start);
      labels[id] = labelOf(name, indexes[index] ?? first);
    });
    this.body.get(target).brTable(labels, start);
  }

  private emitItem(item: Item): void {
    if (item.kind === 'block') {
      this.lowering.block(item.block, !this.readers.has(item.block), this.isTight);
      return;
    }
    const name = `loop${this.names++}`;
    this.body.loop(name);
    this.scopes.push({ kind: 'loop', heads: item.heads, name });
    const wasTight = this.isTight;
    this.isTight ||= isTight(item);
    this.emitList(item.items, item.entries, item.heads);
    this.isTight = wasTight;
    this.scopes.pop();
    this.body.end();
  }

  private toOffset(offset: number): void {
    const block = this.region.byOffset.get(offset);
    if (block === undefined) {
      this.lowering.leaveTo(offset);
      return;
    }
    this.toBlock(block);
  }

  private toBlock(block: Block): void {
    const { body, lowering } = this;
    const scope = this.scopeOf(block);
    if (scope.kind === 'loop') {
      // Going round again: the budget must last for every instruction of the region.
      lowering.leaveIf(() => {
        body.get(budget).i32(this.region.instructionCount).op(op.i32LtU);
      }, block.offset);
    }
    if (this.readers.has(block)) lowering.workOut();
    else if (!this.deadFlags.has(block)) lowering.handOver();
    body.i32(block.id).set(target);
    body.br(
      scope.kind === 'loop'
        ? scope.name
        : labelOf(scope.name, present(scope.places[block.id], 'place')),
    );
  }

  /** The innermost open loop that has the block as a head, or open list that has it further on. */
  private scopeOf(block: Block): Scope {
    for (let index = this.scopes.length - 1; index >= 0; index--) {
      const scope = present(this.scopes[index], 'scope');
      if (
        scope.kind === 'loop' ? scope.heads.includes(block) : scope.places[block.id] !== undefined
      ) {
        const loop = this.scopes[index - 1];
        // A list inside a loop: the loop's heads restart it, the others lie ahead.
        const restarts =
          scope.kind === 'list' && loop?.kind === 'loop' && loop.heads.includes(block);
        return restarts ? loop : scope;
      }
    }
    throw new InvariantError(`no way to block ${block.id}`);
  }

  /** A return goes on inside the region where it meets one of its return sites. */
  private toDynamic(): void {
    const { body, lowering, locals, region } = this;
    const sites = lowering.isReturning ? region.returnSites : [];
    for (const site of sites) {
      body.get(locals.exitIp);
      lowering.pushIp(site.offset);
      body.op(op.i64Eq).if();
      lowering.inArm(() => this.toBlock(site));
      body.end();
    }
    lowering.leaveDynamically();
  }
}

/** Where control can go inside the region; a return may go to any return site. */
function successorsOf(block: Block, { byOffset, returnSites }: Region): readonly Block[] {
  const direct = targetsOf(block)
    .map((offset) => byOffset.get(offset))
    .filter((next) => next !== undefined);
  return isReturn(block) ? [...direct, ...returnSites] : direct;
}

function isReturn(block: Block): boolean {
  return block.instructions[block.instructions.length - 1]?.decoded.row.mnemonic === 'RET';
}

/** Recursion goes round in loops too, but what it pushes is seldom in one page for long. */
function isTight(loop: Item): boolean {
  const blocks = blocksOf(loop);
  const instructions = blocks.reduce((sum, block) => sum + block.instructions.length, 0);
  return instructions <= tightLoopMax && !blocks.some(isReturn);
}

function blocksOf(item: Item): readonly Block[] {
  return item.kind === 'block' ? [item.block] : item.items.flatMap(blocksOf);
}

function labelOf(list: string, index: number): string {
  return `${list}.${index}`;
}

function placesOf(items: readonly Item[]): Places {
  const places: number[] = [];
  const place = (inner: readonly Item[], index: number): void => {
    for (const item of inner) {
      if (item.kind === 'block') places[item.block.id] = index;
      else place(item.items, index);
    }
  };
  items.forEach((item, index) => {
    if (item.kind === 'block') places[item.block.id] = index;
    else place(item.items, index);
  });
  return places;
}
