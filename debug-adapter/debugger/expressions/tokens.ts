/** Splits an expression into tokens; characters that fit nowhere become a token of their own. */

export type Token =
  | { readonly kind: 'number'; readonly value: bigint; readonly at: number }
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'bad'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number };

const spacePattern = /\s+/y;
const numberPattern = /(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*)(?![0-9A-Za-z])/y;
const badNumberPattern = /[0-9][0-9A-Za-z_]*/y;
const characterPattern = /'(\\.|[^'\\])'/y;
const textPattern = /"([^"]*)"/y;
const namePattern = /[$A-Za-z_.@?][\w.@$?]*/y;
const symbolPattern = /<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>()[\]]/y;

const escapes: Readonly<Record<string, bigint>> = {
  n: 10n,
  r: 13n,
  t: 9n,
  '0': 0n,
  e: 27n,
  '\\': 92n,
  "'": 39n,
};

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function characterValue(body: string): bigint | undefined {
  if (body.length === 2 && body.startsWith('\\')) return escapes[body.charAt(1)];
  return BigInt(body.codePointAt(0) ?? 0);
}

function tokenAt(text: string, at: number): { readonly token: Token; readonly length: number } {
  const character = matchAt(characterPattern, text, at);
  if (character !== undefined) {
    const value = characterValue(character[1] ?? '');
    const length = character[0].length;
    if (value !== undefined) return { token: { kind: 'number', value, at }, length };
    return { token: { kind: 'bad', text: character[0], at }, length };
  }
  const quoted = matchAt(textPattern, text, at);
  if (quoted !== undefined) {
    return { token: { kind: 'text', text: quoted[1] ?? '', at }, length: quoted[0].length };
  }
  const number = matchAt(numberPattern, text, at)?.[0];
  if (number !== undefined) {
    const digits = number.replaceAll('_', '');
    const complete = !/^0[xXbB]$/.test(digits);
    const length = number.length;
    if (complete) return { token: { kind: 'number', value: BigInt(digits), at }, length };
    return { token: { kind: 'bad', text: number, at }, length };
  }
  const badNumber = matchAt(badNumberPattern, text, at)?.[0];
  if (badNumber !== undefined) {
    return { token: { kind: 'bad', text: badNumber, at }, length: badNumber.length };
  }
  const name = matchAt(namePattern, text, at)?.[0];
  if (name !== undefined) return { token: { kind: 'name', text: name, at }, length: name.length };
  const symbol = matchAt(symbolPattern, text, at)?.[0];
  if (symbol !== undefined) {
    return { token: { kind: 'symbol', text: symbol, at }, length: symbol.length };
  }
  return { token: { kind: 'bad', text: text.charAt(at), at }, length: 1 };
}

/** Tokens of `text`, ending with one of kind `end`. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const space = matchAt(spacePattern, text, at);
    if (space !== undefined) {
      at += space[0].length;
      continue;
    }
    const { token, length } = tokenAt(text, at);
    tokens.push(token);
    at += length;
  }
  tokens.push({ kind: 'end', at: text.length });
  return tokens;
}
