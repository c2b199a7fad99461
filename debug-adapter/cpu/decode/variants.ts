/**
 * Instruction variants: an opcode row at one operand size and form. Each distinct variant gets one handler; rows that
 * mean the same (ADD AL,Ib and ADD Eb,Ib on a register) share it.
 */
import { present } from '../../support/assert';
import { addressingIndex, addressings, type AddressingIndex } from '../ir/addressing';
import { Builder, type Operand } from '../ir/builder';
import type { Local, RegisterSlot, Statement, Width } from '../ir/ir';
import {
  handlerGroups,
  type Definition,
  type HandlerGroup,
  type VariantContext,
} from '../semantics/definition';
import { definitionOf } from '../semantics/definitions';
import { hotVariants, warmVariants } from './hot-variants';
import { opcodeRows, type OpcodeRow, type OperandPattern } from './opcode-rows';

export type OperandSize = 16 | 32 | 64;

/** Where ModR/M.rm points; `reg` for rows without ModR/M. */
export type Form = 'reg' | 'mem';

/** REP prefix of a string instruction. */
export type Repeat = 'none' | 'rep' | 'repne';

/** An instruction variant with its meaning. */
export interface Variant {
  /** Mnemonic and operand kinds, for example `ADD r32,m32`. */
  readonly name: string;
  /** The interpreter's function that has its handler. */
  readonly group: HandlerGroup;
  readonly statements: readonly Statement[];
  readonly locals: readonly Local[];
}

const slots: readonly RegisterSlot[] = ['dst', 'src', 'third'];

function widthOf(size: string, operandSize: OperandSize): Width {
  switch (size) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
      return 32;
    case 'q':
      return 64;
    case 'z':
      return operandSize === 16 ? 16 : 32;
    case 'y':
      return operandSize === 64 ? 64 : 32;
    default:
      return operandSize;
  }
}

/** Width of a vector operand in memory; `x` is 128 bits. */
function vectorWidthOf(size: string): 16 | 32 | 64 | 128 {
  return size === 'x' ? 128 : size === 'q' ? 64 : size === 'd' ? 32 : 16;
}

function fixedOperand(name: string, slot: RegisterSlot, operandSize: OperandSize): Operand {
  switch (name) {
    case 'AL':
    case 'CL':
      return { kind: 'register', slot, width: 8 };
    case 'DX':
      return { kind: 'register', slot, width: 16 };
    case 'rAX':
      return { kind: 'register', slot, width: operandSize };
    case 'eAX':
      return { kind: 'register', slot, width: operandSize === 16 ? 16 : 32 };
    case 'ST':
    case 'STi':
      return { kind: 'stack', isTop: name === 'ST' };
    case '1':
      return { kind: 'immediate', width: 8 };
    default:
      return { kind: 'special', file: 'segment' };
  }
}

/** Resolves a row's operand pattern; register operands take the slot of their position. */
function resolveOperand(
  pattern: OperandPattern,
  position: number,
  operandSize: OperandSize,
  form: Form,
): Operand {
  const slot = present(slots[position], 'operand slot');
  const width = widthOf(pattern.size, operandSize);
  switch (pattern.method) {
    case 'fixed':
      return fixedOperand(pattern.name, slot, operandSize);
    case 'E':
      return form === 'mem' ? { kind: 'memory', width } : { kind: 'register', slot, width };
    case 'M':
      return pattern.size === 't' ? { kind: 'memory80' } : { kind: 'memory', width };
    case 'O':
    case 'X':
    case 'Y':
      return { kind: 'memory', width };
    case 'A':
    case 'I':
    case 'J':
      return { kind: 'immediate', width };
    case 'V':
    case 'U':
      return { kind: 'vectorRegister', slot, file: 'xmm' };
    case 'P':
    case 'N':
      return { kind: 'vectorRegister', slot, file: 'mmx' };
    case 'W':
    case 'Q':
      if (form === 'mem') return { kind: 'vectorMemory', width: vectorWidthOf(pattern.size) };
      return { kind: 'vectorRegister', slot, file: pattern.method === 'W' ? 'xmm' : 'mmx' };
    case 'S':
      return { kind: 'special', file: 'segment' };
    case 'C':
      return { kind: 'special', file: 'control' };
    case 'D':
      return { kind: 'special', file: 'debug' };
    default:
      return { kind: 'register', slot, width };
  }
}

const resolved = new Map<OpcodeRow, Operand[][]>();

/** The operands of a row at an operand size and form; made once. */
export function resolvedOperands(
  row: OpcodeRow,
  operandSize: OperandSize,
  form: Form,
): readonly Operand[] {
  let lists = resolved.get(row);
  if (lists === undefined) resolved.set(row, (lists = []));
  const index = (operandSize >>> 4) * 2 + (form === 'mem' ? 1 : 0);
  return (lists[index] ??= row.operands.map((pattern, position) =>
    resolveOperand(pattern, position, operandSize, form),
  ));
}

function describe(operand: Operand): string {
  switch (operand.kind) {
    case 'register':
      return `r${operand.width}`;
    case 'memory':
      return `m${operand.width}`;
    case 'immediate':
      return 'i';
    case 'memory80':
      return 'm80';
    case 'stack':
      return operand.isTop ? 'st' : 'sti';
    case 'special':
      return operand.file;
    case 'vectorRegister':
      return operand.file;
    case 'vectorMemory':
      return `m${operand.width}`;
  }
}

const sizes: readonly OperandSize[] = [16, 32, 64];
const forms: readonly Form[] = ['reg', 'mem'];
const repeats: readonly Repeat[] = ['none', 'rep', 'repne'];
const onlyNone: readonly Repeat[] = ['none'];
const everyAddressing = Object.values(addressingIndex);
const combinationsOfRow = addressings.length * sizes.length * forms.length * repeats.length;

function combinationIndex(
  row: number,
  addressing: AddressingIndex,
  size: OperandSize,
  form: Form,
  repeat: Repeat,
): number {
  // 16, 32 and 64 by 5 bits less are 0, 1 and 2.
  const sized = (row * addressings.length + addressing) * sizes.length + (size >>> 5);
  return (sized * 2 + (form === 'mem' ? 1 : 0)) * 3 + repeats.indexOf(repeat);
}

/** Whether a row can be decoded at an operand size: 64-bit mode has sizes that nothing else has. */
function exists(row: OpcodeRow, addressing: AddressingIndex, size: OperandSize): boolean {
  const { attributes } = row;
  if (addressing !== addressingIndex.long) return size !== 64 && !attributes.has('o64');
  if (attributes.has('i64')) return false;
  return size === 64 || !attributes.has('f64');
}

/** What of a decoded instruction chooses its variant. */
export interface DecodedVariant {
  readonly row: OpcodeRow;
  readonly operandSize: OperandSize;
  readonly form: Form;
  readonly repeat: Repeat;
}

/** Which variants there are, and which of them an instruction is of: what can be kept of them all. */
export interface VariantIndex {
  /** In handler order. */
  readonly names: readonly string[];
  /** By combination of row, addressing, size, form and repeat: place in `names` plus 1, or 0 for none. */
  readonly places: Uint16Array;
}

/** What a mnemonic means; undefined where there is no definition. */
export type DefinitionLookup = (mnemonic: string) => Definition | undefined;

/** Every variant that has a definition, and the way from a decoded row to it. */
export class VariantTable {
  readonly index: VariantIndex;
  private readonly made: (Variant | undefined)[];
  private readonly repeated: ReadonlySet<number>;
  private readonly repeatedMoves: ReadonlySet<number>;
  private everyGroup: readonly (readonly Variant[])[] | undefined;

  /**
   * @param definition of a mnemonic: those of `semantics/`, unless a test brings a wrong one
   * @param known the index, from an earlier process: a variant is made when it is asked for then
   */
  constructor(
    private readonly firstHandler: number,
    private readonly definition: DefinitionLookup = definitionOf,
    known?: VariantIndex,
  ) {
    if (known === undefined) {
      const all = new VariantCollection(definition);
      this.index = all.index();
      this.everyGroup = all.groups;
      this.made = all.groups.flat();
    } else {
      this.index = known;
      this.made = [];
    }
    const named = (pattern: RegExp): ReadonlySet<number> =>
      new Set(
        this.index.names.flatMap((name, place) =>
          pattern.test(name) ? [firstHandler + place] : [],
        ),
      );
    this.repeated = named(/^rep(ne)? /);
    this.repeatedMoves = named(/^rep(ne)? (MOVS|STOS|LODS)/);
  }

  /** Variants by group, in the order of `handlerGroups`; together they are in handler order. */
  get groups(): readonly (readonly Variant[])[] {
    return (this.everyGroup ??= new VariantCollection(this.definition).groups);
  }

  /** Meaning of a decoded instruction, or undefined where no definition exists. */
  meaningOf(decoded: DecodedVariant, addressing: AddressingIndex): Variant | undefined {
    const { row, operandSize, form, repeat } = decoded;
    const place = this.placeOf(row, addressing, operandSize, form, repeat) - 1;
    const definition = place < 0 ? undefined : this.definition(row.mnemonic);
    if (definition === undefined) return undefined;
    const operands = resolvedOperands(row, operandSize, form);
    return (this.made[place] ??= makeVariant(
      variantName(row, operands, operandSize, repeat),
      definition,
      operands,
      { operandSize, repeat },
      addressing,
    ).variant);
  }

  /** Handler number of a decoded row, or undefined where no definition exists. */
  handlerOf(
    row: OpcodeRow,
    addressing: AddressingIndex,
    size: OperandSize,
    form: Form,
    repeat: Repeat,
  ): number | undefined {
    const place = this.placeOf(row, addressing, size, form, repeat);
    return place === 0 ? undefined : this.firstHandler + place - 1;
  }

  /** Handler number of a variant by its whole name. */
  handlerNamed(name: string): number | undefined {
    const place = this.index.names.indexOf(name);
    return place < 0 ? undefined : this.firstHandler + place;
  }

  /** Whether a handler is that of an instruction with REP. */
  isRepeated(handler: number): boolean {
    return this.repeated.has(handler);
  }

  /** Whether a handler is that of MOVS, STOS or LODS with REP, which end with their count and with nothing else. */
  endsWithCount(handler: number): boolean {
    return this.repeatedMoves.has(handler);
  }

  private placeOf(
    row: OpcodeRow,
    addressing: AddressingIndex,
    size: OperandSize,
    form: Form,
    repeat: Repeat,
  ): number {
    return this.index.places[combinationIndex(row.number, addressing, size, form, repeat)] ?? 0;
  }
}

/** A variant, and what of the addressing its meaning asked for. */
interface MadeVariant {
  readonly variant: Variant;
  readonly consulted: Builder['consulted'];
}

function makeVariant(
  base: string,
  definition: Definition,
  operands: readonly Operand[],
  context: VariantContext,
  addressing: AddressingIndex,
): MadeVariant {
  const builder = new Builder(addressings[addressing]);
  definition.build(builder, operands, context);
  const { consulted } = builder;
  const name = base + addressingSuffix(consulted, addressing);
  const group = groupOf(definition, consulted, context, addressing);
  const variant = {
    name,
    group: groupOfKernels(name, group),
    statements: builder.finish(),
    locals: builder.locals,
  };
  return { variant, consulted };
}

/** Makes every variant. */
class VariantCollection {
  readonly groups: readonly Variant[][] = handlerGroups.map(() => []);
  private readonly byName = new Map<string, Variant>();
  private readonly combinations: [number, Variant][] = [];
  private readonly rows = opcodeRows();
  /** By name without addressing. */
  private readonly consulted = new Map<string, Builder['consulted']>();

  constructor(private readonly definition: DefinitionLookup) {
    for (const row of this.rows) this.addRow(row);
  }

  index(): VariantIndex {
    const variants = this.groups.flat();
    const placeOf = new Map(variants.map((variant, place) => [variant, place + 1]));
    const places = new Uint16Array(this.rows.length * combinationsOfRow);
    for (const [at, variant] of this.combinations) places[at] = placeOf.get(variant) ?? 0;
    return { names: variants.map(({ name }) => name), places };
  }

  private addRow(row: OpcodeRow): void {
    const definition = this.definition(row.mnemonic);
    if (definition === undefined) return;
    const rowRepeats = row.attributes.has('rep') ? repeats : onlyNone;
    for (const size of sizes) {
      for (const form of forms) {
        if (row.form !== 'any' && row.form !== form) continue;
        if (!row.hasModrm && form === 'mem') continue;
        const operands = resolvedOperands(row, size, form);
        for (const repeat of rowRepeats) {
          const base = variantName(row, operands, size, repeat);
          const context = { operandSize: size, repeat };
          for (const addressing of everyAddressing) {
            if (!exists(row, addressing, size)) continue;
            const variant = this.variantOf(base, definition, operands, context, addressing);
            const at = combinationIndex(row.number, addressing, size, form, repeat);
            this.combinations.push([at, variant]);
          }
        }
      }
    }
  }

  /** Variants differ by addressing only where their meaning asked for it. */
  private variantOf(
    base: string,
    definition: Definition,
    operands: readonly Operand[],
    context: VariantContext,
    addressing: AddressingIndex,
  ): Variant {
    const consulted = this.consulted.get(base);
    const name = consulted === undefined ? base : base + addressingSuffix(consulted, addressing);
    const known = consulted === undefined ? undefined : this.byName.get(name);
    if (known !== undefined) return known;
    const made = makeVariant(base, definition, operands, context, addressing);
    const { variant } = made;
    this.consulted.set(base, made.consulted);
    this.byName.set(variant.name, variant);
    present(this.groups[handlerGroups.indexOf(variant.group)], 'handler group').push(variant);
    return variant;
  }
}

function addressingSuffix(consulted: Builder['consulted'], addressing: AddressingIndex): string {
  const { stackSize, isChecked } = addressings[addressing];
  return (
    (consulted.stackSize && stackSize !== 64 ? ` sp${stackSize}` : '') +
    (consulted.checks && isChecked ? ' checked' : '')
  );
}

const checkedVectorGroups: ReadonlyMap<HandlerGroup, HandlerGroup> = new Map([
  ['vectorMove', 'checkedVector'],
  ['vector', 'checkedVector'],
  ['vectorFloat', 'checkedVectorFloat'],
]);

/** What kernels execute is apart from the rest of its group. */
function groupOfKernels(name: string, group: HandlerGroup): HandlerGroup {
  if (hotVariants.has(name)) return 'hot';
  return warmVariants.has(name) ? 'warm' : group;
}

/** Checked variants stay out of the hot function, which 64-bit and flat code share. */
function groupOf(
  definition: Definition,
  consulted: Builder['consulted'],
  { operandSize }: VariantContext,
  addressing: AddressingIndex,
): HandlerGroup {
  if (!addressings[addressing].isChecked || !(consulted.checks || consulted.stackSize)) {
    return definition.group;
  }
  const vector = checkedVectorGroups.get(definition.group);
  if (vector !== undefined) return vector;
  if (definition.group !== 'usual' && definition.group !== 'string') return 'checkedRare';
  return operandSize === 16 ? 'checked16' : 'checked32';
}

function variantName(
  row: OpcodeRow,
  operands: readonly Operand[],
  size: OperandSize,
  repeat: Repeat,
): string {
  const prefix = repeat === 'none' ? '' : `${repeat} `;
  const isSized = row.attributes.has('sized') || (row.attributes.has('near') && size === 16);
  const suffix = isSized ? ` /${size}` : '';
  return `${prefix}${row.mnemonic} ${operands.map(describe).join()}${suffix}`;
}
