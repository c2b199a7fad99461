/**
 * Values of emitted code as terms: what is computed in the same way from the same values is the same term. Sums are
 * linear combinations, so that equal addresses are equal terms however they were added up.
 */

/** What a value that is used as an address is known to be. */
export type Role =
  /** A decoded instruction; 0 is none until a branch has excluded it. */
  | { readonly kind: 'record'; readonly isCertain: boolean }
  /** The address of one of the processor's tables. */
  | { readonly kind: 'table'; readonly name: string; readonly bytes: number }
  /** An address of so many bytes within one page of a frame, or in a scratch buffer of the slow path. */
  | {
      readonly kind: 'host';
      readonly isWritable: boolean;
      readonly room: number;
      /** From the slow path, whose 0 means that there is no such address. */
      readonly isCertain: boolean;
    };

export interface Term {
  readonly id: number;
  readonly bits: 32 | 64 | 128;
  /** Name of the operator; `sum` for a linear combination. */
  readonly operator: string;
  readonly operands: readonly Term[];
  /** Tells terms of the same operator and operands apart. */
  readonly key: string;
  /** Of a sum: the constant, and the coefficients by operand. */
  readonly constant: bigint;
  readonly coefficients: readonly bigint[];
  readonly role: Role | undefined;
  /** Upper bound of the value, unsigned. */
  readonly most: bigint;
}

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export class Terms {
  private readonly known = new Map<string, Term>();
  private count = 0;

  /** A value of which nothing is known but its role and an upper bound. */
  fresh(bits: Term['bits'], role?: Role, most = ones(bits)): Term {
    return this.make(bits, 'unknown', [], role, most);
  }

  /** @param key tells values of the same operator and operands apart */
  of(
    bits: Term['bits'],
    operator: string,
    operands: readonly Term[],
    most = ones(bits),
    role?: Role,
    key = '',
  ): Term {
    const name = `${bits} ${operator} ${operands.map(({ id }) => id).join()} ${key}`;
    const term = this.known.get(name) ?? this.make(bits, operator, operands, role, most, key);
    this.known.set(name, term);
    return term;
  }

  constant(bits: 32 | 64, value: bigint): Term {
    return this.sum(bits, BigInt.asUintN(bits, value), new Map());
  }

  add(a: Term, b: Term, factor = 1n): Term {
    const bits = a.bits === 64 ? 64 : 32;
    const parts = new Map<Term, bigint>();
    let constant = 0n;
    for (const [term, scale] of [
      [a, 1n],
      [b, factor],
    ] as const) {
      if (term.operator !== 'sum') {
        parts.set(term, (parts.get(term) ?? 0n) + scale);
        continue;
      }
      constant += term.constant * scale;
      term.operands.forEach((operand, index) => {
        const added = (term.coefficients[index] ?? 0n) * scale;
        parts.set(operand, (parts.get(operand) ?? 0n) + added);
      });
    }
    return this.sum(bits, constant, parts);
  }

  subtract(a: Term, b: Term): Term {
    return this.add(a, b, -1n);
  }

  scale(a: Term, factor: bigint): Term {
    return this.add(this.constant(a.bits === 64 ? 64 : 32, 0n), a, factor);
  }

  /** The low half, part by part. */
  wrap(a: Term): Term {
    if (a.operator === 'widen') return a.operands[0] ?? a;
    if (a.operator !== 'sum') {
      const most = a.most < ones(32) ? a.most : ones(32);
      return this.of(32, 'wrap', [a], most);
    }
    return a.operands.reduce(
      (sum, operand, index) => this.add(sum, this.wrap(operand), a.coefficients[index] ?? 0n),
      this.constant(32, a.constant),
    );
  }

  private sum(bits: 32 | 64, constant: bigint, parts: ReadonlyMap<Term, bigint>): Term {
    const kept = [...parts]
      .map(([term, factor]) => [term, BigInt.asUintN(bits, factor)] as const)
      .filter(([, factor]) => factor !== 0n)
      .sort(([a], [b]) => a.id - b.id);
    const rest = BigInt.asUintN(bits, constant);
    const [first] = kept;
    if (kept.length === 1 && first?.[1] === 1n && rest === 0n) return first[0];
    const key = `${bits} sum ${rest} ${kept.map(([{ id }, factor]) => `${id}*${factor}`).join()}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const most = kept.reduce((sum, [term, factor]) => sum + term.most * factor, rest);
    const term: Term = {
      id: this.count++,
      bits,
      operator: 'sum',
      key: '',
      operands: kept.map(([operand]) => operand),
      constant: rest,
      coefficients: kept.map(([, factor]) => factor),
      role: undefined,
      most: most > ones(bits) ? ones(bits) : most,
    };
    this.known.set(key, term);
    return term;
  }

  private make(
    bits: Term['bits'],
    operator: string,
    operands: readonly Term[],
    role: Role | undefined,
    most: bigint,
    key = '',
  ): Term {
    const id = this.count++;
    return { id, bits, operator, operands, key, constant: 0n, coefficients: [], role, most };
  }
}

/** The value of a constant; undefined for any other term. */
export function constantOf(term: Term): bigint | undefined {
  return term.operator === 'sum' && term.operands.length === 0 ? term.constant : undefined;
}
