/** The shape of a parsed expression. */

export type UnaryOperator = '-' | '+' | '~' | '!';

export type BinaryOperator =
  | '*'
  | '/'
  | '%'
  | '+'
  | '-'
  | '<<'
  | '>>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  | '&'
  | '^'
  | '|'
  | '&&'
  | '||';

/** Bytes of a memory operand. */
export type OperandSize = 1 | 2 | 4 | 8;

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint }
  /** What a field is compared with: a text, or what a value of the field is called. */
  | { readonly kind: 'text'; readonly text: string }
  /** A register, decoded field or symbol; with `$` only a register. */
  | { readonly kind: 'name'; readonly name: string; readonly registerOnly: boolean }
  | { readonly kind: 'address-of'; readonly name: string }
  | { readonly kind: 'memory'; readonly size: OperandSize; readonly address: Expression }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    };

/** Outcome of parsing: a tree, or what is wrong and where. */
export type ParsedExpression =
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'error'; readonly message: string; readonly position: number };
