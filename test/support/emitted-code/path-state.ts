/** What is known at one place of a function: values of locals, bounds, and pages that loops remember. */
import type { Role, Term, Terms } from './terms';

const i32 = 0x7f;
const i64 = 0x7e;

/** Facts of a kind that are kept. */
const factsMax = 24;

/** What a remembered page may be used for; `none` while no page is remembered. */
export type PageUse = 'none' | 'write' | 'read';

/** Three locals that may remember a page (`memory-fast-path.ts`), and with which values that has been shown. */
export interface KnownPage {
  readonly use: PageUse;
  readonly start: Term;
  readonly delta: Term;
  readonly limit: Term;
}

export interface Cell {
  readonly bytes: number;
  readonly term: Term;
}

export class PathState {
  /** Bounds of terms, unsigned. */
  most = new Map<Term, bigint>();
  least = new Map<Term, bigint>();
  nonzero = new Set<Term>();
  /** Pairs of which the first is less than the second, unsigned. */
  less: readonly (readonly [Term, Term])[] = [];
  pages = new Map<number, KnownPage>();
  /** Fields of the processor's state whose values are known, by offset. */
  cells = new Map<number, Cell>();
  /** Changes where the host may have changed a table. */
  epoch = 0;

  constructor(readonly locals: Term[]) {}

  /** Forgets the oldest of too many facts: what an access needs has been found out shortly before. */
  trim(): void {
    for (const facts of [this.most, this.least, this.nonzero]) {
      for (const term of facts.keys()) {
        if (facts.size <= factsMax) break;
        facts.delete(term);
      }
    }
    this.less = this.less.slice(-factsMax);
  }

  clone(): PathState {
    const copy = new PathState([...this.locals]);
    copy.most = new Map(this.most);
    copy.least = new Map(this.least);
    copy.nonzero = new Set(this.nonzero);
    copy.less = this.less;
    copy.pages = new Map(this.pages);
    copy.cells = new Map(this.cells);
    copy.epoch = this.epoch;
    return copy;
  }
}

/** First locals of the triples that can remember a page: i64, i32, i64. */
export function pageLocals(types: readonly number[]): readonly number[] {
  return types.flatMap((type, index) =>
    type === i64 && types[index + 1] === i32 && types[index + 2] === i64 ? [index] : [],
  );
}

const rank: Readonly<Record<PageUse, number>> = { none: 0, write: 1, read: 2 };

export function commonUse(a: PageUse, b: PageUse): PageUse {
  return rank[a] >= rank[b] ? a : b;
}

/** What both roles say; undefined where that is nothing. */
export function commonRole(a: Role | undefined, b: Role | undefined): Role | undefined {
  if (a === undefined || b === undefined || a.kind !== b.kind) return undefined;
  switch (a.kind) {
    case 'record':
      return b.kind === 'record' ? { kind: 'record', isCertain: a.isCertain && b.isCertain } : a;
    case 'host':
      if (b.kind !== 'host') return undefined;
      return {
        kind: 'host',
        isWritable: a.isWritable && b.isWritable,
        room: Math.min(a.room, b.room),
        isCertain: a.isCertain && b.isCertain,
      };
    case 'table':
      return b.kind === 'table' && a.name === b.name ? a : undefined;
  }
}

/** What a merge needs to know about terms. */
export interface Judge {
  readonly terms: Terms;
  roleOf(term: Term, state: PathState): Role | undefined;
  pageAt(first: number, state: PathState): KnownPage | undefined;
}

/** What holds wherever control came from. */
export function merge(a: PathState | undefined, b: PathState, judge: Judge): PathState {
  if (a === undefined) return b.clone();
  const locals = a.locals.map((left, index) => {
    const right = b.locals[index] ?? left;
    if (left === right) return left;
    const role = commonRole(judge.roleOf(left, a), judge.roleOf(right, b));
    const bound = (term: Term, state: PathState): bigint => state.most.get(term) ?? term.most;
    const [first, second] = [bound(left, a), bound(right, b)];
    return judge.terms.fresh(left.bits, role, first > second ? first : second);
  });
  const pages = new Map<number, KnownPage>();
  for (const first of new Set([...a.pages.keys(), ...b.pages.keys()])) {
    const [left, right] = [judge.pageAt(first, a), judge.pageAt(first, b)];
    const [start, delta, limit] = locals.slice(first);
    if (left === undefined || right === undefined) continue;
    if (start === undefined || delta === undefined || limit === undefined) continue;
    pages.set(first, { use: commonUse(left.use, right.use), start, delta, limit });
  }
  const merged = new PathState(locals);
  merged.pages = pages;
  for (const [term, bound] of a.most) {
    const other = b.most.get(term);
    if (other !== undefined) merged.most.set(term, bound > other ? bound : other);
  }
  for (const [term, bound] of a.least) {
    const other = b.least.get(term);
    if (other !== undefined) merged.least.set(term, bound < other ? bound : other);
  }
  for (const term of a.nonzero) if (b.nonzero.has(term)) merged.nonzero.add(term);
  merged.less = a.less.filter(([x, y]) => b.less.some(([p, q]) => p === x && q === y));
  for (const [offset, cell] of a.cells) {
    const other = b.cells.get(offset);
    if (other?.term === cell.term && other.bytes === cell.bytes) merged.cells.set(offset, cell);
  }
  merged.epoch = a.epoch === b.epoch ? a.epoch : -judge.terms.fresh(32).id - 1;
  return merged;
}
