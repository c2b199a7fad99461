/** The programs of all guests, by partition: symbols, code and sources of one never name what belongs to another. */
import type { AssemblySyntax, Disassembler } from '../backends/disassembler';
import { present } from '../support/assert';
import { noTarget, type BreakpointTarget } from './breakpoints/breakpoint';
import type { DebuggedPartition } from './debugged-machine';
import { KernelRelocation } from './guest-awareness/kernel-relocation';
import { CodeReader } from './inspection/code-reader';
import type { Program } from './program';
import type { SymbolIndex } from './symbols/symbol-index';
import type { AddressNamer } from './value-format';

/** Names the addresses of a partition. */
export type PartitionNamer = (partition: number) => AddressNamer;

/** What belongs to one partition. */
export interface GuestProgram {
  readonly partition: number;
  readonly program: Program;
  readonly symbols: SymbolIndex;
  readonly code: CodeReader;
  readonly nameOf: AddressNamer;
  /** Undefined for a guest whose symbols stay where they were linked. */
  readonly relocation: KernelRelocation | undefined;
}

export class GuestPrograms {
  readonly all: readonly GuestProgram[];
  private readonly byPartition: ReadonlyMap<number, GuestProgram>;

  /** @param programs one for each guest, in the order of the partitions */
  constructor(
    guests: readonly Pick<DebuggedPartition, 'id'>[],
    programs: readonly Program[],
    disassembler: Disassembler,
    syntax: AssemblySyntax,
  ) {
    this.all = guests.map(({ id: partition }, index) => {
      const program = present(programs[index], 'program of a guest');
      const { symbols } = program;
      return {
        partition,
        program,
        symbols,
        code: new CodeReader(disassembler, symbols, syntax),
        nameOf: (address) => symbols.nameOf(address),
        relocation: program.isLinuxKernel ? new KernelRelocation(symbols) : undefined,
      };
    });
    this.byPartition = new Map(this.all.map((entry) => [entry.partition, entry]));
  }

  of(partition: number): GuestProgram {
    return present(this.byPartition.get(partition), `program of partition ${partition}`);
  }

  /** The parent runs no guest code: its addresses have no names. */
  readonly nameOf: PartitionNamer = (partition) =>
    this.byPartition.get(partition)?.nameOf ?? (() => undefined);

  /** Follows kernels that have moved; true where names of some guest are elsewhere now. */
  followKernels(guests: readonly DebuggedPartition[]): boolean {
    let moved = false;
    for (const { id, processors } of guests) {
      const [boot] = processors;
      if (boot !== undefined && this.of(id).relocation?.update(boot) === true) moved = true;
    }
    return moved;
  }

  /** A guest has started again: its kernel is where its loader puts it. */
  restarted(partition: number): void {
    this.of(partition).relocation?.restart();
  }

  /** Resolves what a person named in every program that has it; where none does, the first says why. */
  resolve(inProgram: (program: Program) => BreakpointTarget): BreakpointTarget {
    const targets = this.all.map(
      ({ partition, program }) => [partition, inProgram(program)] as const,
    );
    const other = targets.find(([, { kind }]) => kind !== 'code' && kind !== 'none')?.[1];
    if (other !== undefined) return other;
    const found = targets.flatMap(([partition, target]) =>
      target.kind === 'code' ? [[partition, target] as const] : [],
    );
    const first = found[0]?.[1];
    if (first === undefined) return targets[0]?.[1] ?? noTarget('There is no guest.');
    if (this.all.length === 1) return first;
    return {
      ...first,
      addresses: [...new Set(found.flatMap(([, { addresses }]) => addresses))],
      partitions: new Map(found.map(([partition, { addresses }]) => [partition, addresses])),
    };
  }
}
