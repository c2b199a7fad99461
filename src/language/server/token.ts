/** What the lexer makes of a source text. */

/** Half-open range of offsets, in UTF-16 units as the protocol counts them. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type TokenKind =
  /** A name: mnemonic, directive, label, constant, register; `\name` in a macro; `%name` in AT&T syntax. */
  | 'name'
  /** A number, or a reference to a local label (`1f`, `2b`). */
  | 'number'
  | 'character'
  | 'string'
  | 'punctuation'
  /** End of a statement: a line's end or `;`. */
  | 'end'
  | 'comment';

export interface Token extends Span {
  readonly kind: TokenKind;
  readonly text: string;
}

/** Something that is wrong in the text itself, whatever the program means. */
export interface SyntaxError extends Span {
  readonly message: string;
}

/** True where `offset` lies in `span`, its end included: a caret behind a word still means the word. */
export function touches(span: Span, offset: number): boolean {
  return span.start <= offset && offset <= span.end;
}
