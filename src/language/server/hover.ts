/** What a hover shows: mnemonics, registers, directives, names, and what numbers stand for. */
import { exceptionVectors } from '../../../debug-adapter/spec/x86/exceptions';
import { exitReasonByName } from '../../../debug-adapter/spec/x86/exit-reasons';
import { findInstruction } from '../../../debug-adapter/spec/x86/instructions';
import { msrByName } from '../../../debug-adapter/spec/x86/msrs';
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import { hypercallByName } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { hypercallStatuses } from '../../../debug-adapter/spec/tlfs/status-codes';
import { findLocalLabel } from './definition';
import {
  describeDirective,
  describeException,
  describeExit,
  describeHypercall,
  describeInstruction,
  describeMsr,
  describeRegister,
  describeStatus,
  hexOf,
  hypercallControlText,
  paragraphs,
} from './describe';
import { findDirective } from './directives';
import { characterValue, evaluate, numberValue } from './expression';
import { describeInRole, describeUnplaced, roleOfNumber } from './number-role';
import type { PlacedDefinition, Program } from './program';
import { stringContents } from './symbols';
import type { Operand } from './syntax-tree';
import { touches, type Span, type Token } from './token';

export interface HoverText {
  readonly span: Span;
  readonly markdown: string;
}

const statusByName: ReadonlyMap<string, (typeof hypercallStatuses)[number]> = new Map(
  hypercallStatuses.map((row) => [row.name, row]),
);
const exceptionByMnemonic = new Map(exceptionVectors.map((row) => [row.mnemonic, row]));

/** Names that a specification gives, wherever they stand; empty for all others. */
export function describeSpecificationName(name: string): string {
  const plain = name.replace(/^(?:exit|hypercall|msr):/, '');
  const call = hypercallByName.get(plain);
  if (call !== undefined) return describeHypercall(call);
  const msr = msrByName.get(plain);
  if (msr !== undefined) return describeMsr(msr);
  const status = statusByName.get(plain);
  if (status !== undefined) return describeStatus(status);
  const exception = exceptionByMnemonic.get(plain);
  if (exception !== undefined) return describeException(exception);
  const exit = name.startsWith('exit:') ? exitReasonByName.get(plain) : undefined;
  return exit === undefined ? '' : describeExit(exit);
}

function numberForms(value: bigint): string {
  const unsigned = BigInt.asUintN(64, value);
  const isPrintable = unsigned >= 0x20n && unsigned < 0x7fn;
  const character = isPrintable ? ` = '${String.fromCharCode(Number(unsigned))}'` : '';
  const binary = unsigned < 0x10000n ? ` = 0b${unsigned.toString(2)}` : '';
  return `\`${value} = ${hexOf(value)}${binary}${character}\``;
}

function definitionText(program: Program, { file, definition }: PlacedDefinition): string {
  const line = file.rangeOf(definition.span).start.line + 1;
  const place = file === program.main ? `line ${line}` : `${lastPart(file.uri)}, line ${line}`;
  const value = program.valueOf(definition.name);
  const known = describeSpecificationName(definition.name);
  // The generated constants carry the specification's own words as comments: do not say them twice.
  const documentation = known === '' ? definition.documentation : '';
  switch (definition.kind) {
    case 'constant':
      return paragraphs(
        known === '' ? `**${definition.name}** — constant, ${place}` : known,
        value === undefined ? '' : numberForms(value),
        documentation,
      );
    case 'macro':
      return paragraphs(
        `\`.macro ${definition.name} ${definition.parameters.join(', ')}\` — ${place}`,
        documentation,
      );
    case 'label':
      return paragraphs(`**${definition.name}** — label, ${place}`, documentation);
  }
}

function lastPart(uri: string): string {
  return decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
}

class HoverBuilder {
  constructor(
    private readonly program: Program,
    private readonly offset: number,
  ) {}

  build(): HoverText | undefined {
    const { main } = this.program;
    const comment = main.commentAt(this.offset);
    if (comment !== undefined) return this.ofComment(comment);
    const token = main.tokenAt(this.offset);
    if (token === undefined) return undefined;
    const markdown = this.ofToken(token);
    return markdown === '' ? undefined : { span: { start: token.start, end: token.end }, markdown };
  }

  private ofComment(comment: Token): HoverText | undefined {
    for (const match of comment.text.matchAll(/#?[\w:]+/g)) {
      const start = comment.start + match.index;
      const span = { start, end: start + match[0].length };
      const markdown = touches(span, this.offset) ? describeSpecificationName(match[0]) : '';
      if (markdown !== '') return { span, markdown };
    }
    return undefined;
  }

  private ofToken(token: Token): string {
    const statement = this.program.main.statementAt(this.offset);
    if (statement?.prefixes.includes(token) === true) return this.ofMnemonic(token.text);
    if (statement?.name === token) {
      if (statement.kind === 'directive') {
        const directive = findDirective(token.text);
        return directive === undefined ? '' : describeDirective(directive);
      }
      const macro = this.program.definitionsOf(token.text)[0];
      return macro === undefined
        ? this.ofMnemonic(token.text)
        : definitionText(this.program, macro);
    }
    switch (token.kind) {
      case 'name':
        return this.ofName(token);
      case 'number':
        return this.ofNumber(token);
      case 'character':
        return this.withRole(characterValue(token.text), token);
      case 'string':
        return this.ofString(token);
      default:
        return '';
    }
  }

  private ofMnemonic(name: string): string {
    const instruction = findInstruction(name);
    return instruction === undefined ? '' : describeInstruction(instruction);
  }

  private ofName(token: Token): string {
    const name = token.text.replace(/^%/, '');
    const register = findRegister(name);
    if (register !== undefined) return describeRegister(register);
    const placed = this.program.definitionsOf(name)[0];
    if (placed === undefined) return describeSpecificationName(name);
    const text = definitionText(this.program, placed);
    if (placed.definition.kind !== 'constant') return text;
    return paragraphs(text, this.roleText(token, this.program.valueOf(name), text));
  }

  private ofNumber(token: Token): string {
    const local = findLocalLabel(this.program.main, token);
    if (local !== undefined) {
      const line = this.program.main.rangeOf(local.span).start.line + 1;
      const direction = local.span.start > token.start ? 'forwards' : 'backwards';
      return `Local label **${local.name}**, the next one ${direction}: line ${line}`;
    }
    return this.withRole(numberValue(token.text), token);
  }

  private ofString(token: Token): string {
    const include = this.program.main.symbols.includes.find(({ start }) => start === token.start);
    if (include === undefined) return '';
    const found = this.program.includedFile(stringContents(token));
    return found === undefined ? 'This file was not found.' : `Includes \`${lastPart(found.uri)}\``;
  }

  private withRole(value: bigint | undefined, token: Token): string {
    if (value === undefined) return '';
    return paragraphs(this.roleText(token, value), numberForms(value));
  }

  /** What the operand around `token` stands for. A whole expression is looked up by its value. */
  private roleText(token: Token, value: bigint | undefined, alreadySaid?: string): string {
    const { statements } = this.program.main.tree;
    const index = this.program.main.statementIndexAt(this.offset);
    const operand = statements[index]?.operands.find((candidate) =>
      touches(candidate, token.start),
    );
    const whole = operand === undefined ? value : (this.valueOf(operand) ?? value);
    if (whole === undefined) return '';
    const role = roleOfNumber(statements, index);
    const text = role === undefined ? describeUnplaced(whole) : describeInRole(whole, role);
    const isSaid = alreadySaid?.includes(text.split('\n', 1)[0] ?? '') === true;
    if (!isSaid) return text;
    return role === 'hypercall control' ? hypercallControlText(BigInt.asUintN(64, whole)) : '';
  }

  private valueOf(operand: Operand): bigint | undefined {
    return evaluate(operand.tokens, (name) => this.program.valueOf(name));
  }
}

/** The hover at an offset of the program's main file; undefined where there is nothing to say. */
export function hoverAt(program: Program, offset: number): HoverText | undefined {
  return new HoverBuilder(program, offset).build();
}
