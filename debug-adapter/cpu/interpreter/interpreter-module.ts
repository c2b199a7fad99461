/**
 * Generates the interpreter: one WebAssembly function with a dense jump table over decoded records, and further ones
 * for the variants of other groups, so that the hot function stays small enough for the engine's optimising compiler.
 */
import { StopCode, stateOffsets } from '../../machine/processor-state';
import { assert } from '../../support/assert';
import type { Local, Statement } from '../ir/ir';
import {
  codeTlbEntries,
  jumpSpreadShift,
  recordCacheEntries,
  recordCacheEntryShift,
  recordEntryOffsets,
  runOffsets,
  tlbEntryShift,
} from '../memory-map';
import { FunctionBody } from '../wasm/function-body';
import { buildModule, type ImportedFunction, type IndirectType } from '../wasm/module-builder';
import { op } from '../wasm/opcodes';
import { blockBytes, blockShift, offsetTableBytes } from './offset-tables';
import { InterpreterLowering, type SharedLocals, type Tails } from './lowering';
import { emitRegionLoop } from './region-loop';
import { firstHandler, pseudoHandler, recordBytes, recordOffsets } from './record';

/** One instruction variant, ready to be emitted; its handler number is `firstHandler` plus its position. */
export interface HandlerSource {
  /** Of the variant. */
  readonly name: string;
  readonly statements: readonly Statement[];
  readonly locals: readonly Local[];
}

/** Variants in handler order: those of the hot function first, then those of the further ones. */
export interface InterpreterSource {
  readonly groups: readonly (readonly HandlerSource[])[];
  readonly tlbEntries: number;
  readonly routineNumber: (name: string) => number;
}

const imports: readonly ImportedFunction[] = [
  { name: 'read', parameters: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  { name: 'write', parameters: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  { name: 'commit', parameters: ['i32', 'i32'], results: ['i32'] },
  { name: 'routine', parameters: ['i32', 'i32', 'i32'], results: ['i32'] },
];

/** Translated regions: (vpBase, budget, block to begin with) → budget left. */
export const regionType: IndirectType = { parameters: ['i32', 'i32', 'i32'], results: ['i32'] };

const mainFunction = imports.length;
const furtherFunction = mainFunction + 1;

/** Results of a further function. */
const furtherResult = { next: 0, lookup: 1, leave: 2, repeat: 3, finish: 4 } as const;

/** The module's bytes; export `f0` is the function for slot 0 of the code space. */
export function emitInterpreter(source: InterpreterSource): Uint8Array {
  const functions = [emitMain(source)];
  let first = firstHandler + (source.groups[0] ?? []).length;
  for (const handlers of source.groups.slice(1)) {
    functions.push(emitFurther(source, handlers, first));
    first += handlers.length;
  }
  functions.push(emitRegionLoop());
  return buildModule(imports, functions, [0], regionType);
}

function emitMain(source: InterpreterSource): FunctionBody {
  const body = new FunctionBody(['i32', 'i32'], ['i32']);
  const shared: SharedLocals = {
    vpBase: 0,
    record: body.addLocal('i32'),
    committed: body.addLocal('i32'),
  };
  const locals = {
    budget: 1,
    ipBase: body.addLocal('i64'),
    linkFrom: body.addLocal('i32'),
    handler: body.addLocal('i32'),
    address: body.addLocal('i64'),
    entry: body.addLocal('i32'),
    cached: body.addLocal('i32'),
  };
  const main = new MainFunction(body, shared, locals, source);
  main.emit();
  return body;
}

interface MainLocals {
  readonly budget: number;
  readonly ipBase: number;
  readonly linkFrom: number;
  readonly handler: number;
  readonly address: number;
  readonly entry: number;
  /** Entry of the record cache. */
  readonly cached: number;
}

class MainFunction {
  private readonly lowering: InterpreterLowering;

  constructor(
    private readonly body: FunctionBody,
    private readonly shared: SharedLocals,
    private readonly locals: MainLocals,
    private readonly source: InterpreterSource,
  ) {
    this.lowering = new InterpreterLowering(
      body,
      shared,
      this.tails(),
      source.tlbEntries,
      source.routineNumber,
    );
  }

  emit(): void {
    const { body } = this;
    const { vpBase, record } = this.shared;
    body.block('exit').block('leave').loop('lookup').block('found');
    this.emitStartRecord();
    this.emitLookup();
    body.end();
    body.loop('dispatch');
    body.get(this.locals.budget).i32(1).op(op.i32Sub).tee(this.locals.budget);
    body.i32(0).op(op.i32LtS).if();
    this.emitBudgetEnd();
    body.end();
    body.get(record).memory(op.i32Load16U, recordOffsets.handler).set(this.locals.handler);
    body.block('zeroJump').block('instruction');
    this.brIfInstruction();
    this.emitPseudoHandlers();
    body.end();
    this.emitHandlers();
    body.end();
    this.emitZeroJump();
    body.end().end().end();
    // leave: the instruction had no effect, so its step is given back and RIP is its own.
    this.storeRecordIp();
    body.get(this.locals.budget).i32(1).op(op.i32Add).set(this.locals.budget);
    body.end();
    body.get(vpBase).get(this.locals.budget).memory(op.i32Store, runOffsets.remaining);
    body.get(vpBase).memory(op.i32Load, runOffsets.stop);
  }

  /** A record given by the caller (an instruction that straddles pages) goes first. */
  private emitStartRecord(): void {
    const { body } = this;
    const { vpBase, record } = this.shared;
    body.get(vpBase).memory(op.i32Load, runOffsets.startRecord).tee(record).if();
    body.get(vpBase).i32(0).memory(op.i32Store, runOffsets.startRecord);
    body.get(vpBase).memory(op.i64Load, runOffsets.ipBase).set(this.locals.ipBase);
    body.br('found').end();
  }

  /** Finds the record at state.rip: record cache, else code TLB and the page's offset table. */
  private emitLookup(): void {
    const { body, locals } = this;
    const { record } = this.shared;
    this.emitTarget();
    body.block('known');
    body.get(locals.cached).memory(op.i64Load, recordEntryOffsets.tag);
    this.emitTag();
    body.op(op.i64Eq).if().get(locals.cached);
    body.memory(op.i32Load, recordEntryOffsets.record).set(record);
    body.br('known').end();
    body.get(locals.address);
    this.emitCodeTlbEntry();
    body.tee(locals.entry).memory(op.i64Load, 0);
    body.get(locals.address).i64(-4096n).op(op.i64And).op(op.i64Eq).if();
    body.get(locals.entry).memory(op.i32Load, 8);
    body.get(locals.address).op(op.i32WrapI64).i32(blockShift).op(op.i32ShrU);
    body.i32(offsetTableBytes - 4).op(op.i32And);
    body.op(op.i32Add).memory(op.i32Load, 0);
    body.get(locals.address).op(op.i32WrapI64).i32(2).op(op.i32Shl);
    body.i32(blockBytes - 4).op(op.i32And);
    body.op(op.i32Add).memory(op.i32Load, 0).tee(record).if();
    body.get(locals.cached);
    this.emitTag();
    body.memory(op.i64Store, recordEntryOffsets.tag);
    body.get(locals.cached).get(record);
    body.memory(op.i32Store, recordEntryOffsets.record);
    body.br('known').end().end();
    this.storeStop(StopCode.lookup);
    body.br('exit').end();
    this.emitLinkUpdate();
    this.emitCountdown();
    body.br('found');
  }

  /** Sets the linear address of state.rip, and its entry in the record cache. */
  private emitTarget(): void {
    const { body, locals } = this;
    const { vpBase } = this.shared;
    body.get(vpBase).memory(op.i64Load, stateOffsets.rip);
    body.get(vpBase).memory(op.i64Load, runOffsets.codeBase).op(op.i64Add).tee(locals.address);
    body.get(locals.address).i64(jumpSpreadShift).op(op.i64ShrU).op(op.i64Xor).op(op.i32WrapI64);
    body
      .i32(recordCacheEntries - 1)
      .op(op.i32And)
      .i32(recordCacheEntryShift)
      .op(op.i32Shl);
    body.get(vpBase).memory(op.i32Load, runOffsets.recordCache).op(op.i32Add).set(locals.cached);
  }

  /** What the record cache has where it knows the address; no address has a tag of 0. */
  private emitTag(): void {
    const { body } = this;
    body.get(this.locals.address).get(this.shared.vpBase);
    body.memory(op.i64Load, runOffsets.jumpEpoch).op(op.i64Xor);
  }

  /** Turns a linear address on the stack into that of the code-TLB entry it belongs to. */
  private emitCodeTlbEntry(): void {
    const { body } = this;
    body
      .i64(12n)
      .op(op.i64ShrU)
      .op(op.i32WrapI64)
      .i32(codeTlbEntries - 1)
      .op(op.i32And);
    body.i32(tlbEntryShift).op(op.i32Shl);
    body.get(this.shared.vpBase).memory(op.i32Load, runOffsets.codeTlb).op(op.i32Add);
  }

  /** Executes an instruction that straddles pages, if the second one is the page that it was decoded with. */
  private emitStraddling(): void {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    body.get(locals.ipBase).get(vpBase).memory(op.i64Load, runOffsets.codeBase).op(op.i64Add);
    body.i64(4096n).op(op.i64Add).tee(locals.address);
    this.emitCodeTlbEntry();
    body.tee(locals.entry).memory(op.i64Load, 0).get(locals.address).op(op.i64Eq).if();
    body.get(locals.entry).memory(op.i32Load, 8);
    body.get(record).memory(op.i32Load, recordOffsets.nextTable).op(op.i32Eq).if();
    this.redispatch();
    body.end().end();
    this.storeStop(StopCode.lookup);
    body.br('leave');
  }

  /** Counts a pass through an instruction behind a conditional jump; the last one makes it as any other. */
  private emitCounted(): void {
    const { body, locals } = this;
    const { record } = this.shared;
    body.get(record).get(record).memory(op.i32Load16U, recordOffsets.passesLeft);
    body.i32(1).op(op.i32Sub).tee(locals.entry).memory(op.i32Store16, recordOffsets.passesLeft);
    body.get(locals.entry).op(op.i32Eqz).if();
    body.get(record).get(record).memory(op.i32Load16U, recordOffsets.replacedHandler);
    body.memory(op.i32Store16, recordOffsets.handler).end();
    this.redispatch();
  }

  /** Goes on with the handler that a pseudo handler stands for. */
  private redispatch(): void {
    const { body } = this;
    body.get(this.shared.record).memory(op.i32Load16U, recordOffsets.replacedHandler);
    body.set(this.locals.handler);
    this.brIfInstruction();
    body.br('redispatch');
  }

  private brIfInstruction(): void {
    this.body.get(this.locals.handler).i32(firstHandler).op(op.i32GeU).brIf('instruction');
  }

  /** Remembers the target in a relative jump of the same page, and keeps the page's instruction pointer. */
  private emitLinkUpdate(): void {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    body.get(locals.address).i64(-4096n).op(op.i64And);
    body.get(vpBase).memory(op.i64Load, runOffsets.codeBase).op(op.i64Sub).set(locals.address);
    body.get(locals.linkFrom).if();
    body.get(locals.address).get(locals.ipBase).op(op.i64Eq).if();
    body.get(locals.linkFrom).get(record).memory(op.i32Store, recordOffsets.link);
    body.end();
    body.i32(0).set(locals.linkFrom);
    body.end();
    body.get(vpBase).get(locals.address).tee(locals.ipBase);
    body.memory(op.i64Store, runOffsets.ipBase);
  }

  /** Counts a jump to the record; the last one asks for a translation, with the jump done. */
  private emitCountdown(): void {
    const { body, locals } = this;
    const { record } = this.shared;
    body.get(record).get(record).memory(op.i32Load, recordOffsets.countdown);
    body.i32(2).op(op.i32Sub).tee(locals.entry).memory(op.i32Store, recordOffsets.countdown);
    body.get(locals.entry).i32(2).op(op.i32LtU).if();
    this.storeRecordIp();
    this.storeStop(StopCode.hot);
    body.br('exit').end();
  }

  private storeRecordIp(): void {
    const { body } = this;
    body.get(this.shared.vpBase).get(this.locals.ipBase);
    body.get(this.shared.record).memory(op.i64Load16U, recordOffsets.pageOffset).op(op.i64Add);
    body.memory(op.i64Store, stateOffsets.rip);
  }

  private emitBudgetEnd(): void {
    const { body } = this;
    body.i32(0).set(this.locals.budget);
    this.storeRecordIp();
    this.storeStop(StopCode.budget);
    body.br('exit');
  }

  /**
   * Those that take no step. They have a loop of their own: the engine moves out of a loop what does not change in it,
   * and one around the instructions too had the constants of all of them made ready before each.
   */
  private emitPseudoHandlers(): void {
    const { body } = this;
    const labels = Array.from({ length: firstHandler }, (_, handler) => `p${handler}`);
    body.loop('redispatch');
    for (const label of [...labels].reverse()) body.block(label);
    body.get(this.locals.handler).brTable(labels, labels[pseudoHandler.unimplemented] ?? '');
    for (let handler = 0; handler < firstHandler; handler++) {
      body.end();
      this.emitPseudo(handler);
    }
    body.op(op.unreachable).end();
  }

  private emitHandlers(): void {
    const { body, source } = this;
    const hot = source.groups[0] ?? [];
    const labels = hot.map((_, index) => `h${index}`);
    body.block('further');
    for (const label of [...labels].reverse()) body.block(label);
    body.get(this.locals.handler).i32(firstHandler).op(op.i32Sub);
    body.brTable(labels, 'further');
    for (const { statements, locals } of hot) {
      body.end();
      const next = isComparison(statements) ? (): void => this.nextBehindComparison() : undefined;
      this.lowering.handler(statements, locals, next);
    }
    body.end();
    this.emitFurtherCall();
  }

  private handlerNamed(name: string): number {
    const hot = this.source.groups[0] ?? [];
    const index = hot.findIndex((variant) => variant.name === name);
    assert(index >= 0, `the hot function has ${name}`);
    return firstHandler + index;
  }

  /** Takes a step for an instruction that is not dispatched; where none is left, `dispatch` says so. */
  private takeStep(): void {
    const { body, locals } = this;
    body.get(locals.budget).op(op.i32Eqz).brIf('dispatch');
    body.get(locals.budget).i32(1).op(op.i32Sub).set(locals.budget);
  }

  /**
   * Goes on behind a comparison. Where JE or JNE is next, and nothing stands before it (a breakpoint, a region), it is
   * done without the jump table and its indirect branch.
   */
  private nextBehindComparison(): void {
    const { body, locals } = this;
    const { record } = this.shared;
    const [equal, notEqual] = [this.handlerNamed('JE i'), this.handlerNamed('JNE i')];
    const apart = notEqual - equal;
    assert(apart > 0 && (apart & (apart - 1)) === 0, 'the numbers of JE and JNE differ in one bit');
    body.get(record).i32(recordBytes).op(op.i32Add).tee(record);
    body.memory(op.i32Load16U, recordOffsets.handler).i32(equal).op(op.i32Sub);
    body.tee(locals.handler);
    body.i32(~apart).op(op.i32And).op(op.i32Eqz).brIf('zeroJump');
    body.br('dispatch');
  }

  /** JE where `handler` is 0, otherwise JNE; as a step of its own, which waits where none is left. */
  private emitZeroJump(): void {
    const { body, locals } = this;
    const { vpBase } = this.shared;
    this.takeStep();
    body.get(vpBase).memory(op.i64Load, stateOffsets.flagResult).op(op.i64Eqz);
    body.get(locals.handler).op(op.i32Eqz).op(op.i32Ne).if();
    this.nextRecord();
    body.end();
    this.jumpRelative();
  }

  /** Takes the relative jump of the record: to the one it is linked with, or by look-up. */
  private jumpRelative(): void {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    body.get(record).memory(op.i32Load, recordOffsets.link).tee(locals.entry).if();
    body.get(locals.entry).set(record);
    this.emitCountdown();
    body.br('dispatch').end();
    body.get(record).set(locals.linkFrom);
    storeRelativeTarget(body, vpBase, record, () => body.get(locals.ipBase));
    body.br('lookup');
  }

  private emitPseudo(handler: number): void {
    const { body } = this;
    const { vpBase, record } = this.shared;
    switch (handler) {
      case pseudoHandler.lookup:
        this.giveStepBack();
        this.storeRecordIp();
        // The record may be stale, and must not be found again.
        this.emitTarget();
        body.get(this.locals.cached).i64(0n);
        body.memory(op.i64Store, recordEntryOffsets.tag);
        body.br('lookup');
        return;
      case pseudoHandler.goto:
        this.giveStepBack();
        body.get(record).memory(op.i32Load, recordOffsets.link).set(record).br('dispatch');
        return;
      case pseudoHandler.breakpoint:
        body.get(vpBase).memory(op.i32Load, runOffsets.passBreakpoint).if();
        body.get(vpBase).i32(0).memory(op.i32Store, runOffsets.passBreakpoint);
        this.redispatch();
        body.end();
        this.storeStop(StopCode.breakpoint);
        body.br('leave');
        return;
      case pseudoHandler.region:
        return this.emitRegionCall();
      case pseudoHandler.straddling:
        return this.emitStraddling();
      case pseudoHandler.counted:
        return this.emitCounted();
      default:
        this.storeStop(StopCode.unimplemented);
        body.br('leave');
    }
  }

  /** Runs a region and those after it; where it made no progress the interpreter does the instruction. */
  private emitRegionCall(): void {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    body.get(vpBase).get(locals.budget).i32(1).op(op.i32Add);
    body.get(record).memory(op.i32Load16U, recordOffsets.regionSlot);
    body.get(record).memory(op.i32Load16U, recordOffsets.regionBlock);
    body.get(locals.ipBase);
    body.get(record).memory(op.i64Load16U, recordOffsets.pageOffset).op(op.i64Add);
    body.call(mainFunction + this.source.groups.length);
    body.tee(locals.entry).get(locals.budget).op(op.i32GtS).if();
    this.redispatch();
    body.end();
    body.get(vpBase).get(vpBase).memory(op.i32Load, runOffsets.translatedSteps);
    body.get(locals.budget).i32(1).op(op.i32Add).get(locals.entry).op(op.i32Sub).op(op.i32Add);
    body.memory(op.i32Store, runOffsets.translatedSteps);
    body.get(locals.entry).set(locals.budget).br('lookup');
  }

  /** The groups are ranges of handler numbers; the first ones are the likeliest. */
  private emitFurtherCall(): void {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    const further = this.source.groups.slice(1);
    let end = firstHandler + (this.source.groups[0] ?? []).length;
    body.block('called');
    further.forEach((handlers, index) => {
      end += handlers.length;
      const isLast = index === further.length - 1;
      if (!isLast) body.get(locals.handler).i32(end).op(op.i32LtU).if();
      body.get(vpBase).get(record).get(locals.handler).get(locals.budget);
      body.call(furtherFunction + index).set(locals.entry);
      if (takesSteps(handlers)) {
        body.get(vpBase).memory(op.i32Load, runOffsets.remaining).set(locals.budget);
      }
      if (!isLast) body.br('called').end();
    });
    body.end();
    body.get(locals.entry).i32(furtherResult.leave).op(op.i32Eq).brIf('leave');
    body.get(locals.entry).i32(furtherResult.lookup).op(op.i32Eq).brIf('lookup');
    body.get(locals.entry).i32(furtherResult.repeat).op(op.i32Eq).brIf('dispatch');
    body.get(locals.entry).i32(furtherResult.finish).op(op.i32Eq).brIf('exit');
    this.nextRecord();
  }

  private giveStepBack(): void {
    this.body.get(this.locals.budget).i32(1).op(op.i32Add).set(this.locals.budget);
  }

  private nextRecord(): void {
    this.body.get(this.shared.record).i32(recordBytes).op(op.i32Add).set(this.shared.record);
    this.body.br('dispatch');
  }

  private storeStop(code: number): void {
    this.body.get(this.shared.vpBase).i32(code).memory(op.i32Store, runOffsets.stop);
  }

  private tails(): Tails {
    const { body, locals } = this;
    const { vpBase, record } = this.shared;
    return {
      next: () => this.nextRecord(),
      lookup: () => body.br('lookup'),
      leave: () => body.br('leave'),
      finish: () => body.br('exit'),
      repeat: () => body.br('dispatch'),
      stepsLeft: () => body.get(locals.budget),
      takeSteps: () => assert(false, 'no instruction of the hot function takes several steps'),
      ipBase: () => body.get(locals.ipBase),
      jumpRelative: () => this.jumpRelative(),
      storeRelativeTarget: () => {
        storeRelativeTarget(body, vpBase, record, () => body.get(locals.ipBase));
      },
    };
  }
}

/** Whether one of the instructions takes several steps at once; its function leaves the budget in `remaining`. */
function takesSteps(handlers: readonly HandlerSource[]): boolean {
  const takes = (list: readonly Statement[]): boolean =>
    list.some(
      (statement) =>
        statement.kind === 'takeSteps' ||
        (statement.kind === 'if' && (takes(statement.then) || takes(statement.otherwise))),
    );
  return handlers.some(({ statements }) => takes(statements));
}

/** Whether an instruction does nothing but set flags of a result, as CMP and TEST do. */
function isComparison(statements: readonly Statement[]): boolean {
  const last = statements[statements.length - 1];
  return (
    last?.kind === 'setFlags' &&
    (last.effect.kind === 'sub' || last.effect.kind === 'logic') &&
    statements.every(({ kind }) => kind === 'set' || kind === 'translate' || kind === 'setFlags')
  );
}

/** state.rip = ip of the page + offset of the next instruction + immediate. */
function storeRelativeTarget(
  body: FunctionBody,
  vpBase: number,
  record: number,
  pushIpBase: () => void,
): void {
  body.get(vpBase);
  pushIpBase();
  body.get(record).memory(op.i64Load16U, recordOffsets.nextOffset).op(op.i64Add);
  body.get(record).memory(op.i64Load, recordOffsets.immediate).op(op.i64Add);
  body.memory(op.i64Store, stateOffsets.rip);
}

function emitFurther(
  source: InterpreterSource,
  handlers: readonly HandlerSource[],
  first: number,
): FunctionBody {
  const body = new FunctionBody(['i32', 'i32', 'i32', 'i32'], ['i32']);
  const [vpBase, record, handler, budget] = [0, 1, 2, 3];
  const shared: SharedLocals = { vpBase, record, committed: body.addLocal('i32') };
  const changesBudget = takesSteps(handlers);
  const finish = (result: number): void => {
    if (changesBudget) body.get(vpBase).get(budget).memory(op.i32Store, runOffsets.remaining);
    body.i32(result).op(op.return);
  };
  const ipBase = (): void => {
    body.get(vpBase).memory(op.i64Load, runOffsets.ipBase);
  };
  const lowering = new InterpreterLowering(
    body,
    shared,
    {
      next: () => finish(furtherResult.next),
      lookup: () => finish(furtherResult.lookup),
      leave: () => finish(furtherResult.leave),
      finish: () => finish(furtherResult.finish),
      repeat: () => finish(furtherResult.repeat),
      stepsLeft: () => body.get(budget),
      takeSteps: (push) => {
        body.get(budget);
        push();
        body.op(op.i32Sub).set(budget);
      },
      ipBase,
      jumpRelative: () => {
        storeRelativeTarget(body, vpBase, record, ipBase);
        finish(furtherResult.lookup);
      },
      storeRelativeTarget: () => storeRelativeTarget(body, vpBase, record, ipBase),
    },
    source.tlbEntries,
    source.routineNumber,
  );
  const labels = handlers.map((_, index) => `r${index}`);
  for (const label of [...labels].reverse()) body.block(label);
  body.get(handler).i32(first).op(op.i32Sub);
  body.brTable(labels, labels[labels.length - 1] ?? '');
  for (const variant of handlers) {
    body.end();
    lowering.handler(variant.statements, variant.locals);
  }
  body.op(op.unreachable);
  return body;
}
