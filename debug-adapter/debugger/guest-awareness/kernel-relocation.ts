/**
 * Finds where a Linux kernel runs: the code that unpacks it may move it (KASLR), and until it has page tables of its
 * own it runs at physical addresses.
 */
import { vmcsEncoding } from '../../machine/processor-state';
import { LinuxBoot } from '../../spec/linux-boot';
import type { DebuggedProcessor } from '../debugged-machine';
import type { RelocatedRange, SymbolIndex } from '../symbols/symbol-index';

const { startKernelMap } = LinuxBoot;
const addressSpaceEnd = 1n << 64n;

/** The kernel moves by multiples of CONFIG_PHYSICAL_ALIGN, whose smallest value this is. */
const alignment = 0x200000n;

/** Physical addresses at which a kernel may run before it has its own page tables. */
const physicalWindow: RelocatedRange = { start: 0n, end: 1n << 30n, delta: -startKernelMap };

/** The kernel's own part of the address space. */
const kernelRange = (delta: bigint): RelocatedRange => ({
  start: startKernelMap,
  end: addressSpaceEnd,
  delta,
});

const idtrBase = vmcsEncoding('GUEST_IDTR_BASE');

/** Symbols whose addresses a processor holds, once the kernel has set it up; the later one comes first. */
const landmarks: readonly (readonly [
  symbol: string,
  addressIn: (processor: DebuggedProcessor) => bigint,
])[] = [
  ['entry_SYSCALL_64', ({ core }) => core.state.msr('IA32_LSTAR')],
  ['idt_table', ({ core }) => core.state.vmcs(idtrBase)],
];

/** How far from its link address the kernel runs; undefined as long as the processor does not tell. */
function findSlide(processor: DebuggedProcessor, symbols: SymbolIndex): bigint | undefined {
  for (const [symbol, addressIn] of landmarks) {
    const linked = symbols.linkAddressOf(symbol);
    const address = addressIn(processor);
    if (linked === undefined || address < startKernelMap) continue;
    const slide = address - linked;
    if (slide % alignment === 0n) return slide;
  }
  return undefined;
}

/** Keeps the symbols of a kernel where the kernel is. */
export class KernelRelocation {
  private slide: bigint | undefined;

  constructor(private readonly symbols: SymbolIndex) {
    this.restart();
  }

  /** The kernel is about to boot, again perhaps. */
  restart(): void {
    this.slide = undefined;
    this.symbols.relocate([kernelRange(0n), physicalWindow]);
  }

  /** Looks at the boot processor; true where names are elsewhere now. */
  update(processor: DebuggedProcessor): boolean {
    const found = findSlide(processor, this.symbols);
    if (found === this.slide || found === undefined) return false;
    const moved = found !== (this.slide ?? 0n);
    this.slide = found;
    this.symbols.relocate([kernelRange(found)]);
    return moved;
  }
}
