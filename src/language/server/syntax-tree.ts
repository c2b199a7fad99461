/** The tree of a source file: statements with labels, prefixes, a name and operands. */
import type { Span, SyntaxError, Token } from './token';

/** A name that ends with a colon; local ones are numbers and may be repeated. */
export interface LabelDefinition extends Span {
  readonly name: string;
  readonly isLocal: boolean;
}

/** Tokens between two commas of the top level. */
export interface Operand extends Span {
  readonly tokens: readonly Token[];
}

export type StatementKind = 'empty' | 'instruction' | 'directive' | 'assignment';

export interface Statement extends Span {
  readonly kind: StatementKind;
  readonly labels: readonly LabelDefinition[];
  /** `rep`, `lock` and their like, before the mnemonic. */
  readonly prefixes: readonly Token[];
  /** Mnemonic, directive, macro that is called, or name that is assigned to. */
  readonly name?: Token;
  readonly operands: readonly Operand[];
  /** Name of the macro whose body this is part of. */
  readonly insideMacro?: string;
  /** Whether `.intel_syntax` is in force, as far as this file says. */
  readonly isIntel: boolean;
}

/** A stretch that opens with one directive and closes with another. */
export interface Block extends Span {
  readonly opener: Token;
}

export interface SourceTree {
  readonly statements: readonly Statement[];
  /** Every token but comments and statement ends, in order. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Token[];
  /** Macro, repetition and condition blocks that are closed. */
  readonly blocks: readonly Block[];
  readonly errors: readonly SyntaxError[];
}
