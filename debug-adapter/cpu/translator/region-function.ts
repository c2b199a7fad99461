/**
 * Emits a region as one WebAssembly function `(vpBase, budget, entry) → budget left`. Where it leaves, registers and
 * state.rip are exact, flags are exact or due, and every executed instruction has been taken from the budget.
 */
import { stateOffsets } from '../../machine/processor-state';
import { assert, InvariantError, present } from '../../support/assert';
import { runOffsets } from '../memory-map';
import { FunctionBody } from '../wasm/function-body';
import { op } from '../wasm/opcodes';
import { emitDueFlags } from './due-flags';
import { gprCount } from './instruction-facts';
import type { Block, Region } from './region';
import type { RegionLocals, RegionTraits } from './region-context';
import { RegionLowering } from './region-lowering';
import { structure, type Item } from './structure';
import { emitWayOut, labels } from './way-out';

/** By id of a block: index of the item of a list that is the block, or the loop that contains it. */
type Places = readonly (number | undefined)[];

/** A list of items that is being emitted, or the loop around it; the level is that of its first item, or its own. */
type Scope =
  | { readonly kind: 'list'; readonly places: Places; readonly level: number }
  | { readonly kind: 'loop'; readonly heads: readonly Block[]; readonly level: number };

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
  private readonly lowering: RegionLowering;
  private readonly scopes: Scope[] = [];
  /** Whether the blocks that are being emitted belong to a loop of few instructions. */
  private isTight = false;

  constructor(
    private readonly region: Region,
    private readonly traits: RegionTraits,
  ) {
    const { body } = this;
    const registers: (number | undefined)[] = [];
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
      registers,
    };
    for (let number = 0; number < gprCount; number++) {
      const isUsed = (region.usedRegisters & (1 << number)) !== 0;
      registers.push(isUsed ? body.addLocal('i64') : undefined);
    }
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
    assert(body.level === labels.exit, 'the blocks around a region are the outermost');
    body.block().block();
    this.emitList(structure(region), region.entries, []);
    body.end();
    emitWayOut(body, this.locals);
    body.end();
    this.emitStores();
    body.get(budget);
    return body;
  }

  private emitLoads(): void {
    const { body, locals, region } = this;
    body.get(vpBase).memory(op.i64Load, runOffsets.ipBase).set(locals.ipBase);
    if (region.readsMemory) {
      body.get(vpBase).memory(op.i32Load, runOffsets.readTlb).set(locals.readTlb);
    }
    if (region.writesMemory) {
      body.get(vpBase).memory(op.i32Load, runOffsets.writeTlb).set(locals.writeTlb);
    }
    body.get(vpBase).memory(op.i64Load, runOffsets.dueB).set(locals.dueB);
    body.get(vpBase).memory(op.i64Load, stateOffsets.flagResult).set(locals.flagResult);
    body.get(vpBase).memory(op.i32Load, stateOffsets.flagCarries).set(locals.flagCarries);
    for (let number = 0; number < gprCount; number++) {
      const local = locals.registers[number];
      if (local === undefined) continue;
      body.get(vpBase).memory(op.i64Load, stateOffsets.gpr + number * 8);
      body.set(local);
    }
    // The region before may have left flags due; blocks that read them expect them worked out.
    if (region.entries.some((entry) => entry.readsFlags)) {
      emitDueFlags(body, locals, body.addLocal('i64'));
    }
  }

  /** Upper halves that 64-bit code has left in a register are kept: such code is left to the interpreter. */
  private emitNarrowCheck(): void {
    const { body, locals } = this;
    body.i64(0n);
    for (const local of locals.registers) {
      if (local !== undefined) body.get(local).op(op.i64Or);
    }
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
    for (let number = 0; number < gprCount; number++) {
      const local = locals.registers[number];
      if (local === undefined || (this.region.writtenRegisters & (1 << number)) === 0) continue;
      body.get(vpBase).get(local);
      body.memory(op.i64Store, stateOffsets.gpr + number * 8);
    }
  }

  /** Emits items in order, after a switch over those at which the list can begin. */
  private emitList(
    items: readonly Item[],
    entries: readonly Block[],
    heads: readonly Block[],
  ): void {
    const { body } = this;
    // The first item's block is the innermost.
    const level = body.level + items.length - 1;
    for (let count = items.length; count > 0; count--) body.block();
    const places = placesOf(items);
    this.emitSwitch({ kind: 'list', places, level }, entries, heads);
    this.scopes.push({ kind: 'list', places, level });
    for (const item of items) {
      body.end();
      this.emitItem(item);
    }
    this.scopes.pop();
    // Every item ends in a transfer; control cannot arrive here.
    body.op(op.unreachable);
  }

  /** Goes to one of the entries; to the head of a loop without a jump table, since that is done in every turn. */
  private emitSwitch(list: Scope, entries: readonly Block[], heads: readonly Block[]): void {
    const { body } = this;
    const labelsOfEntries = entries.map((entry) => labelOf(list, entry));
    const [start = 0] = labelsOfEntries;
    if (labelsOfEntries.every((label) => label === start)) {
      body.br(start);
      return;
    }
    const [head, ...others] = heads;
    if (head !== undefined && others.length === 0) {
      body.get(target).i32(head.id).op(op.i32Eq).brIf(labelOf(list, head));
    }
    const table: number[] = [];
    entries.forEach(({ id }, index) => {
      while (table.length < id) table.push(start);
      table[id] = labelsOfEntries[index] ?? start;
    });
    body.get(target).brTable(table, start);
  }

  private emitItem(item: Item): void {
    if (item.kind === 'block') {
      this.lowering.block(item.block, this.isTight);
      return;
    }
    const { level } = this.body;
    this.body.loop();
    this.scopes.push({ kind: 'loop', heads: item.heads, level });
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
      const isPrepared = lowering.prepareToLeave(block.offset);
      body.get(budget).i32(this.region.instructionCount).op(op.i32LtU);
      lowering.leaveIf(isPrepared, block.offset);
    }
    if (block.readsFlags) lowering.workOut();
    else if (!block.flagsAreDead) lowering.handOver();
    body.i32(block.id).set(target).br(labelOf(scope, block));
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

/** Recursion goes round in loops too, but what it pushes is seldom in one page for long. */
function isTight(loop: Item): boolean {
  return tightInstructions(loop) <= tightLoopMax;
}

/** Instructions of an item, infinite where there is a return among them. */
function tightInstructions(item: Item): number {
  if (item.kind === 'block') return item.block.isReturn ? Infinity : item.block.instructions.length;
  let sum = 0;
  for (const inner of item.items) sum += tightInstructions(inner);
  return sum;
}

/** The label of a loop, or of a block's place in a list. */
function labelOf(scope: Scope, { id }: Block): number {
  return scope.kind === 'loop'
    ? scope.level
    : scope.level - present(scope.places[id], 'place of a block');
}

function placesOf(items: readonly Item[]): Places {
  const places: number[] = [];
  items.forEach((item, index) => setPlaces(places, item, index));
  return places;
}

function setPlaces(places: number[], item: Item, index: number): void {
  if (item.kind === 'block') {
    places[item.block.id] = index;
    return;
  }
  for (const inner of item.items) setPlaces(places, inner, index);
}
