/** What a person types to restrict a list: words, and comparisons of decoded fields such as `DataTransferLength>4096`. */

type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** One comparison, with everything about it that no row changes. */
export interface FieldComparison {
  /** In lower case. */
  readonly name: string;
  readonly operator: Operator;
  /** In lower case. */
  readonly text: string;
  /** Undefined where the operand is no number. */
  readonly value: bigint | undefined;
}

/** Words in lower case, and comparisons, all of which must hold. */
export interface FilterText {
  readonly words: readonly string[];
  readonly comparisons: readonly FieldComparison[];
}

const comparisonPattern = /^([A-Za-z_]\w*)(!=|<=|>=|=|<|>)(.+)$/;

// The pattern admits nothing else.
const operatorOf = (text: string): Operator => text as Operator;

export function parseFilterText(text: string): FilterText {
  const words: string[] = [];
  const comparisons: FieldComparison[] = [];
  for (const token of text.split(/\s+/)) {
    const [, name, operator, operand] = comparisonPattern.exec(token.replace('==', '=')) ?? [];
    if (name !== undefined && operator !== undefined && operand !== undefined) {
      comparisons.push({
        name: name.toLowerCase(),
        operator: operatorOf(operator),
        text: operand.toLowerCase(),
        value: parseValue(operand),
      });
    } else if (token !== '') words.push(token.toLowerCase());
  }
  return { words, comparisons };
}

function parseValue(text: string): bigint | undefined {
  return /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? BigInt(text) : undefined;
}

function compare(left: bigint, operator: Operator, right: bigint): boolean {
  switch (operator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}

/**
 * Whether a field that was found meets a comparison.
 * @param nameOf what its number is called; undefined where it has no name
 */
export function meetsComparison(
  { operator, text, value }: FieldComparison,
  found: bigint | string,
  nameOf: () => string | undefined,
): boolean {
  if (typeof found === 'bigint' && value !== undefined) return compare(found, operator, value);
  const said = typeof found === 'string' ? found : nameOf();
  const isSame = said?.toLowerCase() === text;
  return operator === '=' ? isSame : operator === '!=' && !isSame;
}
