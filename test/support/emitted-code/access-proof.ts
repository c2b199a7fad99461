/**
 * Proves of emitted functions that every access to memory uses an address that the rules allow (`address-rules.ts`), by
 * following all paths with what is known on each. Loops are taken to keep what holds at their first entry until a way
 * back shows otherwise; then the function is looked at again without that. What is not understood is refused.
 */
import { recordOffsets } from '../../../debug-adapter/cpu/interpreter/record';
import {
  AddressRules,
  basesOf,
  offsetTable,
  partsOf,
  placesBlock,
  pointerCells,
  without,
} from './address-rules';
import {
  Refusal,
  type EmittedFunction,
  type EmittedModule,
  type Instruction,
} from './module-reader';
import { commonUse, merge, pageLocals, PathState, type PageUse } from './path-state';
import {
  binaryNames,
  compareNames,
  loads,
  signedLoads,
  stores,
  vectorShape,
} from './instruction-shapes';
import { constantOf, Terms, type Role, type Term } from './terms';

/** What a function gets and what its callers have to give it, by the number of its parameters. */
const parameterRoles: ReadonlyMap<number, readonly (Role['kind'] | 'block' | 'number')[]> = new Map(
  [
    [2, ['block', 'number']],
    [3, ['block', 'number', 'number']],
    [4, ['block', 'record', 'number', 'number']],
    [5, ['block', 'number', 'number', 'number', 'number']],
  ],
);

const importRoles: Readonly<Record<string, readonly ('block' | 'record' | 'number')[]>> = {
  read: ['block', 'record', 'number', 'number', 'number'],
  write: ['block', 'record', 'number', 'number', 'number'],
  commit: ['block', 'number'],
  routine: ['block', 'record', 'number'],
};

const anyRecord: Role = { kind: 'record', isCertain: true };

/** How many accesses were shown to be allowed, by what they are. */
export interface ProofCounts {
  loads: number;
  stores: number;
  bulk: number;
}

/** How a load reads. */
interface LoadWidth {
  readonly bytes: number;
  readonly bits: Term['bits'];
  /** Upper bound of what it gives. */
  readonly most?: bigint | undefined;
}

/** What loops do not keep, by the position of the loop. */
type Lost = Map<string, true | PageUse>;

/** @throws Refusal where an access cannot be shown to be allowed */
export function proveModule(module: EmittedModule, tlbEntries: number): ProofCounts {
  const counts = { loads: 0, stores: 0, bulk: 0 };
  for (const body of module.functions) {
    const lost: Lost = new Map();
    for (;;) {
      const before = lost.size;
      const weaker = [...lost.values()].join();
      const attempt = { loads: 0, stores: 0, bulk: 0 };
      let failure: unknown;
      try {
        new FunctionProof(module, body, tlbEntries, lost, attempt).run();
      } catch (error) {
        failure = error;
      }
      if (lost.size !== before || [...lost.values()].join() !== weaker) continue;
      if (failure !== undefined) throw failure;
      counts.loads += attempt.loads;
      counts.stores += attempt.stores;
      counts.bulk += attempt.bulk;
      break;
    }
  }
  return counts;
}

interface Frame {
  readonly kind: 'function' | 'block' | 'loop' | 'if';
  readonly height: number;
  /** What arrives behind the block. */
  end: PathState | undefined;
  /** The other arm of an `if` that has not been entered. */
  otherwise: PathState | undefined;
  /** Of a loop: its position, and what was taken to hold at its head. */
  readonly head: number;
  readonly assumed: PathState | undefined;
}

const bitsOf = (type: number): Term['bits'] => (type === 0x7e ? 64 : type === 0x7b ? 128 : 32);

class FunctionProof {
  private readonly terms = new Terms();
  private readonly rules: AddressRules;
  private readonly pages: readonly number[];
  private readonly frames: Frame[] = [];
  private stack: Term[] = [];
  /** Undefined behind a branch: nothing arrives here. */
  private state: PathState | undefined;

  constructor(
    private readonly module: EmittedModule,
    private readonly body: EmittedFunction,
    tlbEntries: number,
    private readonly lost: Lost,
    private readonly counts: ProofCounts,
  ) {
    const { terms } = this;
    this.pages = pageLocals(body.locals);
    const roles = parameterRoles.get(body.parameters.length);
    if (roles === undefined) throw new Refusal('a function of unknown purpose');
    const values = body.locals.map((type, index) => {
      const bits = bitsOf(type);
      if (index >= body.parameters.length)
        return bits === 128 ? terms.fresh(128) : terms.constant(bits, 0n);
      return terms.fresh(bits, roles[index] === 'record' ? anyRecord : undefined);
    });
    const [vpBase] = values;
    if (vpBase === undefined) throw new Refusal('a function without the block');
    this.rules = new AddressRules(terms, vpBase, tlbEntries, this.pages);
    this.state = new PathState(values);
  }

  run(): void {
    const { instructions } = this.body;
    this.frames.push(this.frame('function'));
    for (let index = 0; index < instructions.length; index++) {
      const instruction = instructions[index];
      if (instruction === undefined) return;
      if (instruction.op === 0x03 && this.countdown(instructions, index)) {
        index += countdownLength - 1;
        continue;
      }
      this.step(instruction, index);
    }
    if (this.frames.length !== 0) throw new Refusal('the function ends early');
  }

  private frame(kind: Frame['kind'], head = 0, assumed?: PathState): Frame {
    const height = this.stack.length;
    return { kind, height, end: undefined, otherwise: undefined, head, assumed };
  }

  private pop(): Term {
    const term = this.stack.pop();
    if (term === undefined) throw new Refusal('the stack is empty');
    return term;
  }

  private push(term: Term): void {
    this.stack.push(term);
  }

  private step(instruction: Instruction, index: number): void {
    switch (instruction.op) {
      case 0x02:
        return void this.frames.push(this.frame('block'));
      case 0x03:
        return this.enterLoop(index);
      case 0x04:
        return this.enterIf();
      case 0x05:
        return this.otherArm();
      case 0x0b:
        return this.endBlock();
      default:
        if (this.state !== undefined) this.execute(instruction, this.state);
    }
  }

  // Control

  /** Locals that the loop assigns have unknown values at its head, in the roles that they have when it is entered. */
  private enterLoop(head: number): void {
    const { state, lost } = this;
    if (state === undefined) return void this.frames.push(this.frame('loop', head));
    const entry = state.clone();
    for (const local of assignedIn(this.body.instructions, head)) {
      const before = entry.locals[local];
      if (before === undefined) continue;
      const role = lost.has(`${head} ${local}`) ? undefined : this.rules.roleOf(before, entry);
      state.locals[local] = this.terms.fresh(before.bits, role);
    }
    for (const first of this.pages) {
      const use = lost.get(`${head} page ${first}`) ?? 'write';
      const [start, delta, limit] = state.locals.slice(first);
      if (use === true || start === undefined || delta === undefined || limit === undefined)
        continue;
      const before = this.rules.pageAt(first, entry);
      if (before === undefined) continue;
      state.pages.set(first, { use: commonUse(use, before.use), start, delta, limit });
    }
    state.cells.clear();
    state.epoch = this.terms.fresh(32).id;
    this.frames.push(this.frame('loop', head, state.clone()));
  }

  private enterIf(): void {
    if (this.state === undefined) return void this.frames.push(this.frame('if'));
    const condition = this.pop();
    const frame = this.frame('if');
    frame.otherwise = this.state.clone();
    this.assume(condition, false, frame.otherwise);
    this.assume(condition, true, this.state);
    frame.otherwise.trim();
    this.state.trim();
    this.frames.push(frame);
  }

  private otherArm(): void {
    const frame = this.top();
    this.arrive(frame);
    this.state = frame.otherwise;
    frame.otherwise = undefined;
    this.stack.length = frame.height;
  }

  private top(): Frame {
    const frame = this.frames[this.frames.length - 1];
    if (frame === undefined) throw new Refusal('no open block');
    return frame;
  }

  private arrive(frame: Frame): void {
    if (this.state === undefined) return;
    const results = frame.kind === 'function' ? this.body.results.length : 0;
    if (this.stack.length !== frame.height + results) throw new Refusal('a block leaves values');
    frame.end = merge(frame.end, this.state, this.rules);
  }

  private endBlock(): void {
    const frame = this.top();
    this.arrive(frame);
    if (frame.otherwise !== undefined) frame.end = merge(frame.end, frame.otherwise, this.rules);
    this.frames.pop();
    this.state = frame.end;
    this.stack.length = frame.height;
  }

  private branch(depth: number, state: PathState): void {
    const frame = this.frames[this.frames.length - 1 - depth];
    if (frame === undefined) throw new Refusal('a branch to nowhere');
    if (frame.kind !== 'loop') frame.end = merge(frame.end, state, this.rules);
    else this.checkWayBack(frame, state);
  }

  /** Notes what the way back to a loop's head does not keep. */
  private checkWayBack({ head, assumed }: Frame, state: PathState): void {
    if (assumed === undefined) return;
    assumed.locals.forEach((term, local) => {
      const now = state.locals[local];
      const { role } = term;
      if (now === term || role === undefined || now === undefined) return;
      if (!keeps(role, this.rules.roleOf(now, state))) this.lost.set(`${head} ${local}`, true);
    });
    for (const [first, page] of assumed.pages) {
      const now = this.rules.pageAt(first, state);
      const key = `${head} page ${first}`;
      if (now === undefined) this.lost.set(key, true);
      else if (commonUse(now.use, page.use) !== page.use) this.lost.set(key, now.use);
    }
  }

  private assume(condition: Term, isTrue: boolean, state: PathState): void {
    const [a, b] = condition.operands;
    if (isTrue) state.nonzero.add(condition);
    if (condition.operator === 'is_zero' && a !== undefined) return this.assume(a, !isTrue, state);
    if (a === undefined || b === undefined) return;
    if (condition.operator === 'and' && isTrue) {
      this.assume(a, true, state);
      this.assume(b, true, state);
    }
    const bound = constantOf(b);
    if (condition.operator === 'lt_u' && isTrue) state.less = [...state.less, [a, b]];
    if (bound === undefined) return;
    if (condition.operator === 'ne' && isTrue && bound === 0n) state.nonzero.add(a);
    if (condition.operator === (isTrue ? 'ge_u' : 'lt_u')) state.least.set(a, bound);
    if (condition.operator === (isTrue ? 'le_u' : 'gt_u')) state.most.set(a, bound);
    if (condition.operator === (isTrue ? 'lt_u' : 'ge_u') && bound > 0n)
      state.most.set(a, bound - 1n);
  }

  // Instructions

  private execute(instruction: Instruction, state: PathState): void {
    const { op, index, constant } = instruction;
    const load = loads.get(op);
    const store = stores.get(op);
    if (load !== undefined) {
      const most = signedLoads.has(op) ? undefined : (1n << BigInt(load.bytes * 8)) - 1n;
      return this.load(this.pop(), index, { ...load, most }, state);
    }
    if (store !== undefined) {
      const value = this.pop();
      return this.store(this.pop(), index, store, value, state);
    }
    switch (op) {
      case 0x00:
      case 0x0f:
        this.state = undefined;
        return;
      case 0x01:
        return;
      case 0x0c:
        this.branch(index, state);
        this.state = undefined;
        return;
      case 0x0d: {
        const condition = this.pop();
        const taken = state.clone();
        this.assume(condition, true, taken);
        this.branch(index, taken);
        this.assume(condition, false, state);
        return state.trim();
      }
      case 0x0e:
        this.pop();
        for (const label of new Set(instruction.labels)) this.branch(label, state);
        this.state = undefined;
        return;
      case 0x10:
        return this.call(index, state);
      case 0x11:
        return this.callIndirect(state);
      case 0x1a:
        this.pop();
        return;
      case 0x20:
        return this.push(this.local(index, state));
      case 0x21:
        state.locals[index] = this.pop();
        return;
      case 0x22:
        state.locals[index] = this.pop();
        return this.push(this.local(index, state));
      case 0x41:
      case 0x42:
        return this.push(this.terms.constant(op === 0x41 ? 32 : 64, constant));
      case 0xfc:
        return this.saturatingOrBulk(instruction.sub, state);
      case 0xfd:
        return this.vector(instruction, state);
      default:
        return this.compute(op);
    }
  }

  private local(index: number, state: PathState): Term {
    const term = state.locals[index];
    if (term === undefined) throw new Refusal(`no local ${index}`);
    return term;
  }

  private compute(op: number): void {
    const { terms } = this;
    if (op === 0x1b) {
      const [condition, b, a] = [this.pop(), this.pop(), this.pop()];
      return this.push(
        terms.of(a.bits, 'select', [a, b, condition], a.most > b.most ? a.most : b.most),
      );
    }
    const compare = compareNames.get(op);
    if (compare !== undefined) {
      const b = this.pop();
      return this.push(terms.of(32, compare, [this.pop(), b], 1n));
    }
    const binary = binaryNames.get(op);
    if (binary !== undefined) {
      const b = this.pop();
      return this.push(this.binary(binary, this.pop(), b));
    }
    const a = this.pop();
    switch (op) {
      case 0x45:
      case 0x50:
        return this.push(terms.of(32, 'is_zero', [a], 1n));
      case 0xa7:
        return this.push(terms.wrap(a));
      case 0xad:
        return this.push(terms.of(64, 'widen', [a], a.most));
      default: {
        const isWide = op === 0xac || (op >= 0x79 && op <= 0x7b) || op >= 0xc2;
        const bits = isWide || [0xb9, 0xbd, 0xbf].includes(op) ? 64 : 32;
        return this.push(terms.of(bits, `operator ${op}`, [a]));
      }
    }
  }

  private binary(name: string, a: Term, b: Term): Term {
    const { terms } = this;
    const bits = a.bits === 64 ? 64 : 32;
    const all = (1n << BigInt(bits)) - 1n;
    const by = constantOf(b);
    switch (name) {
      case 'add':
        return terms.add(a, b);
      case 'sub':
        return terms.subtract(a, b);
      case 'mul':
        return by === undefined ? terms.of(bits, name, [a, b]) : terms.scale(a, by);
      case 'shl':
        return by === undefined
          ? terms.of(bits, name, [a, b])
          : terms.scale(a, 1n << (by % BigInt(bits)));
      case 'shr_u':
        if (by === 0n) return a;
        return terms.of(
          bits,
          name,
          [a, b],
          by === undefined ? a.most : a.most >> (by % BigInt(bits)),
        );
      case 'and':
        return terms.of(bits, name, [a, b], a.most < b.most ? a.most : b.most);
      default:
        return terms.of(bits, name, [a, b], all);
    }
  }

  private saturatingOrBulk(sub: number, state: PathState): void {
    if (sub === 6) return this.push(this.terms.of(64, 'saturated', [this.pop()]));
    const bytes = this.pop();
    const second = this.pop();
    this.rules.checkBulk(this.pop(), bytes, true, state);
    if (sub === 10) this.rules.checkBulk(second, bytes, false, state);
    this.counts.bulk++;
  }

  private vector({ sub, index }: Instruction, state: PathState): void {
    if (sub === 0) return this.load(this.pop(), index, { bytes: 16, bits: 128 }, state);
    if (sub === 11) {
      this.pop();
      this.rules.check(this.pop(), index, 16, true, state);
      this.counts.stores++;
      return this.forget(state, undefined);
    }
    const shape = vectorShape(sub);
    for (let each = 0; each < shape.operands; each++) this.pop();
    this.push(this.terms.fresh(shape.bits));
  }

  // Memory

  private load(address: Term, offset: number, width: LoadWidth, state: PathState): void {
    this.rules.check(address, offset, width.bytes, false, state);
    this.counts.loads++;
    this.push(this.loaded(address, offset, width, state));
  }

  private loaded(address: Term, offset: number, width: LoadWidth, state: PathState): Term {
    const { terms, rules } = this;
    const { bytes, bits, most } = width;
    for (const part of basesOf(address)) {
      const rest = constantOf(without(terms, address, part));
      const at = rest === undefined ? undefined : Number(rest) + offset;
      if (part === rules.vpBase && at !== undefined) return this.cell(at, width, state);
      const role = rules.roleOf(part, state);
      if (role?.kind === 'record' && at !== undefined && bits !== 128) {
        if (at === recordOffsets.link && bytes === 4) return terms.fresh(32, anyRecord);
        const field = terms.add(part, terms.constant(32, BigInt(at)));
        return terms.of(bits, 'field', [field], most, undefined, `${bytes} ${most}`);
      }
      if (role?.kind === 'table') return this.tableField(address, role.name, offset, width, state);
    }
    return terms.fresh(bits, undefined, most);
  }

  private tableField(
    address: Term,
    table: string,
    offset: number,
    { bytes, bits, most }: LoadWidth,
    state: PathState,
  ): Term {
    const { terms } = this;
    const key = `${state.epoch}`;
    if (table === 'offsets') return terms.fresh(32, placesBlock);
    if (table === 'places') return terms.fresh(32, { kind: 'record', isCertain: false });
    if (table === 'jumps') return terms.fresh(bits, undefined, most);
    if (table === 'records') {
      if (offset === 0) return terms.of(bits, 'tag', [address], most, undefined, key);
      const isCertain = this.rules.isRecordHit(address, key, state);
      return terms.fresh(bits, { kind: 'record', isCertain }, most);
    }
    if (offset === 0 && bytes === 8) return terms.of(64, 'page', [address], most, undefined, key);
    if (offset !== 8 || bytes !== 4) return terms.fresh(bits, undefined, most);
    if (table !== 'code') return terms.of(32, 'frame', [address], most, undefined, key);
    const isHit = this.rules.isCodeHit(address, key, state);
    return terms.fresh(32, isHit ? offsetTable : undefined);
  }

  /** A field of the processor's block: the same value until something is stored there. */
  private cell(at: number, { bytes, bits, most }: LoadWidth, state: PathState): Term {
    const { terms } = this;
    const pointer = pointerCells.get(at);
    if (pointer?.kind === 'table' && bytes === 4) {
      return terms.of(32, 'pointer', [], undefined, pointer, `${at} ${state.epoch}`);
    }
    if (pointer !== undefined && bytes === 4) return terms.fresh(32, pointer);
    const known = state.cells.get(at);
    if (known?.bytes === bytes && known.term.bits === bits) return known.term;
    const term = terms.fresh(bits, undefined, most);
    state.cells.set(at, { bytes, term });
    return term;
  }

  private store(address: Term, offset: number, bytes: number, value: Term, state: PathState): void {
    this.rules.check(address, offset, bytes, true, state);
    this.rules.checkRecord(address, offset, value, state);
    this.counts.stores++;
    const rest = constantOf(without(this.terms, address, this.rules.vpBase));
    const isOfBlock = partsOf(address).includes(this.rules.vpBase);
    if (!isOfBlock) return;
    const first = rest === undefined ? undefined : Number(rest) + offset;
    this.forget(state, first, bytes);
    if (pointerCells.has(first ?? -1) && constantOf(value) !== 0n)
      throw new Refusal('a new pointer');
  }

  /** Fields that a store may have changed are no longer known. */
  private forget(state: PathState, first: number | undefined, bytes = 0): void {
    for (const [at, cell] of state.cells) {
      const isApart = first !== undefined && (first + bytes <= at || at + cell.bytes <= first);
      if (!isApart) state.cells.delete(at);
    }
  }

  // Calls

  private arguments(roles: readonly string[], state: PathState): readonly Term[] {
    const values = roles.map(() => this.pop()).reverse();
    values.forEach((value, index) => {
      if (roles[index] === 'block' && value !== this.rules.vpBase)
        throw new Refusal('another block');
      const role = this.rules.roleOf(value, state);
      const isRecord = role?.kind === 'record' && role.isCertain;
      if (roles[index] === 'record' && !isRecord) throw new Refusal('no decoded instruction');
    });
    // Whoever is called may change whatever the host keeps in the block and in the tables.
    state.cells.clear();
    state.epoch = this.terms.fresh(32).id;
    return values;
  }

  private call(index: number, state: PathState): void {
    const name = this.module.imports[index];
    if (name === undefined) {
      const callee = this.module.functions[index - this.module.imports.length];
      const roles = parameterRoles.get(callee?.parameters.length ?? 0);
      if (callee === undefined || roles === undefined) throw new Refusal('an unknown function');
      this.arguments(roles, state);
      return this.push(this.terms.fresh(32));
    }
    const roles = importRoles[name];
    if (roles === undefined) throw new Refusal(`an import ${name}`);
    const values = this.arguments(roles, state);
    const [, , , , description] = values;
    if (description === undefined) return this.push(this.terms.fresh(32));
    const room = Number(constantOf(description) ?? 0n) & 0xff;
    const isWritable = name === 'write';
    this.push(this.terms.fresh(32, { kind: 'host', isWritable, room, isCertain: false }));
  }

  private callIndirect(state: PathState): void {
    this.pop();
    this.arguments(['block', 'number', 'number'], state);
    this.push(this.terms.fresh(32));
  }

  /**
   * A loop that stores elements from the end of a range to its beginning (`lowering/bulk-memory.ts`): `s` counts bytes
   * down to 0, by the width of an element, of which it has had a whole number.
   */
  private countdown(instructions: readonly Instruction[], at: number): boolean {
    const { state, terms } = this;
    const list = instructions.slice(at, at + countdownLength);
    if (state === undefined || !list.every(({ op }, index) => isCountdownOp(op, index)))
      return false;
    const [, get, width, , tee, to, , , store, again, branch] = list;
    const counter = get?.index ?? -1;
    if (tee?.index !== counter || again?.index !== counter || branch?.index !== 0) return false;
    const bytes = this.local(counter, state);
    const size = BigInt(stores.get(store?.op ?? 0) ?? 0);
    const count = bytes.operands[0];
    if (width?.constant !== size || store?.index !== 0 || to?.index === counter) return false;
    if (count === undefined || !state.nonzero.has(count) || terms.scale(count, size) !== bytes)
      return false;
    this.rules.checkBulk(this.local(to?.index ?? -1, state), bytes, true, state);
    state.locals[counter] = terms.constant(32, 0n);
    this.counts.bulk++;
    return true;
  }
}

/** loop, get s, const, sub, tee s, get to, add, get value, store, get s, br_if 0, end. */
const countdownOps = [0x03, 0x20, 0x41, 0x6b, 0x22, 0x20, 0x6a, 0x20, undefined, 0x20, 0x0d, 0x0b];
const countdownLength = countdownOps.length;

function isCountdownOp(op: number, index: number): boolean {
  const expected = countdownOps[index];
  return expected === undefined ? stores.has(op) : expected === op;
}

/** Whether what was taken for granted still holds. */
function keeps(assumed: Role, now: Role | undefined): boolean {
  if (now === undefined || now.kind !== assumed.kind) return false;
  switch (assumed.kind) {
    case 'table':
      return now.kind === 'table' && now.name === assumed.name;
    case 'record':
      return now.kind === 'record' && (now.isCertain || !assumed.isCertain);
    case 'host': {
      if (now.kind !== 'host') return false;
      const isWritable = now.isWritable || !assumed.isWritable;
      return isWritable && now.room >= assumed.room && (now.isCertain || !assumed.isCertain);
    }
  }
}

/** Locals that are assigned between a loop's head and its end. */
function assignedIn(instructions: readonly Instruction[], head: number): ReadonlySet<number> {
  const assigned = new Set<number>();
  let depth = 0;
  for (let index = head; index < instructions.length; index++) {
    const { op, index: local } = instructions[index] ?? { op: 0x0b, index: 0 };
    if (op >= 0x02 && op <= 0x04) depth++;
    else if (op === 0x0b && --depth === 0) break;
    else if (op === 0x21 || op === 0x22) assigned.add(local);
  }
  return assigned;
}
