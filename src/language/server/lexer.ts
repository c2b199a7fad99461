/** Splits GNU assembly into tokens. Accepts any text: what it does not know becomes punctuation. */
import type { SyntaxError, Token, TokenKind } from './token';

export interface LexedText {
  readonly tokens: readonly Token[];
  readonly errors: readonly SyntaxError[];
}

/** Each pattern is sticky and matches at least one character. Order matters: the first match wins. */
const patterns: readonly (readonly [TokenKind | 'blank' | 'unterminated', RegExp])[] = [
  ['blank', /(?:[ \t\f\v\r]|\\\r?\n)+/y],
  ['end', /[\n;]/y],
  ['comment', /\/\*[^]*?\*\//y],
  ['unterminated', /\/\*[^]*/y],
  ['comment', /(?:#|\/\/)[^\n]*/y],
  ['string', /"(?:\\[^\n]|[^"\\\n])*"/y],
  ['unterminated', /"(?:\\[^\n]|[^"\\\n])*/y],
  ['character', /'(?:\\[^\n]|[^\\\n])'?/y],
  ['number', /\d[\w]*/y],
  ['name', /[%\\]?[A-Za-z_.][\w.$]*/y],
  ['name', /\\@|\\\(\)/y],
  ['punctuation', /<<|>>|==|!=|<=|>=|&&|\|\||[^]/y],
];

/** Tokens of `text` in order. Time is linear in its length. */
export function lex(text: string): LexedText {
  const tokens: Token[] = [];
  const errors: SyntaxError[] = [];
  let position = 0;
  while (position < text.length) {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = position;
      const match = pattern.exec(text);
      if (match === null) continue;
      const span = { start: position, end: position + match[0].length };
      position = span.end;
      if (kind === 'blank') break;
      if (kind !== 'unterminated') {
        tokens.push({ kind, text: match[0], ...span });
        break;
      }
      const isString = match[0].startsWith('"');
      const opening = { start: span.start, end: span.start + (isString ? 1 : 2) };
      const message = isString
        ? 'This string has no closing quotation mark.'
        : 'This comment has no closing */.';
      errors.push({ ...(isString ? span : opening), message });
      tokens.push({ kind: isString ? 'string' : 'comment', text: match[0], ...span });
      break;
    }
  }
  return { tokens, errors };
}
