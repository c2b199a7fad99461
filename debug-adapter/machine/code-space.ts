/** The port through which generated code enters: only `host/` knows how WebAssembly is loaded. */
import type { CodeArchive } from './code-archive';

/** Functions that generated code calls; every argument and result is a 32-bit integer. */
export type CodeImports = Readonly<Record<string, (...args: number[]) => number>>;

/** Sizes fixed when the space is made; the memory never grows. */
export interface CodeSpaceLayout {
  readonly memoryBytes: number;
}

/** One partition's memory with the code that may address it, and no other memory. */
export interface CodeSpace {
  /** The whole memory; the view stays valid for the life of the space. */
  readonly bytes: Uint8Array;

  /**
   * Puts the exports `f0`, `f1`, … of a module into the table at `slots`; undefined leaves an export out. A module that is
   * the same object as an earlier one is instantiated no second time.
   */
  install(module: Uint8Array, slots: readonly (number | undefined)[]): void;

  /** Empties table slots, so that the code behind them can be collected. */
  release(slots: readonly number[]): void;

  /**
   * Runs the code in slot 0 for the processor whose state starts at `vpBase`.
   * @param budget steps that may be taken at most, 1 to 2^31-1
   * @returns a `StopCode` of `machine/processor-state.ts`
   */
  run(vpBase: number, budget: number): number;
}

/** Makes code spaces; implemented by `host/`. */
export interface CodeHost {
  createSpace(layout: CodeSpaceLayout, imports: CodeImports): CodeSpace;

  /** A module that is the same for every guest: the one kept under the name, or what `make` gives. */
  keptModule?(name: string, make: () => Uint8Array): Uint8Array;

  /** Whether the engine has optimized code of such a module before it has run. */
  isOptimized?(module: Uint8Array): boolean;

  /** Opens what earlier runs with these images have translated. */
  openArchive?(images: readonly Uint8Array[]): CodeArchive;
}
