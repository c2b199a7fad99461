/** The only place that loads WebAssembly: makes a partition's memory and installs generated code into it. */
import type { CodeHost, CodeImports, CodeSpace, CodeSpaceLayout } from '../machine/code-space';
import { present } from '../support/assert';
import { moduleWithCode, nativeCodeOf, optimizedModule } from './native-code';

const wasmPageBytes = 65536;

/** Modules by their bytes: partitions share the interpreter's, with the code that the engine has optimised. */
const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();
/** Modules that had machine code when they were made. */
const madeWithCode = new WeakSet<WebAssembly.Module>();
/** Machine code of modules, as earlier processes have left it. */
const keptCode = new WeakMap<Uint8Array, Uint8Array>();

function compile(bytes: Uint8Array): WebAssembly.Module {
  const known = compiled.get(bytes);
  if (known !== undefined) return known;
  const code = keptCode.get(bytes);
  const kept = code === undefined ? undefined : moduleWithCode(bytes, code);
  const made = kept ?? new WebAssembly.Module(new Uint8Array(bytes));
  if (kept !== undefined) madeWithCode.add(made);
  compiled.set(bytes, made);
  return made;
}

/** Optimizes all of a module that has neither been compiled nor has machine code; for what is to be kept. */
export function optimize(module: Uint8Array): void {
  if (compiled.has(module) || keptCode.has(module)) return;
  const made = optimizedModule(module);
  if (made !== undefined) compiled.set(module, made);
}

/** Whether machine code of a module has been kept, and the engine takes it: none is kept that is not optimized. */
export function hasMachineCode(module: Uint8Array): boolean {
  return keptCode.has(module) && madeWithCode.has(compile(module));
}

/** Says which machine code belongs to a module that is to be installed. */
export function provideCode(module: Uint8Array, code: Uint8Array): void {
  keptCode.set(module, code);
}

/** The machine code of a module as it is now; undefined where there is none worth keeping. */
export function codeOf(module: Uint8Array): Uint8Array | undefined {
  const made = compiled.get(module);
  return (made === undefined ? undefined : nativeCodeOf(made)) ?? keptCode.get(module);
}

class WebAssemblyCodeSpace implements CodeSpace {
  readonly bytes: Uint8Array;
  private readonly table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' });
  private readonly instances = new WeakMap<Uint8Array, WebAssembly.Instance>();
  /** What every module of the space imports from. */
  private readonly importObject: WebAssembly.Imports;
  private entry: ((vpBase: number, budget: number) => number) | undefined;

  constructor(layout: CodeSpaceLayout, imports: CodeImports) {
    const pages = Math.ceil(layout.memoryBytes / wasmPageBytes);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(memory.buffer);
    this.importObject = { m: { memory, table: this.table, ...imports } };
  }

  install(module: Uint8Array, slots: readonly (number | undefined)[]): void {
    const { exports } = this.instanceOf(module);
    slots.forEach((slot, index) => {
      if (slot === undefined) return;
      // The emitter exports exactly one function for each slot; a miss is caught by `present`.
      const code = present(exports[`f${index}`], `export f${index}`) as () => number;
      if (slot >= this.table.length) this.table.grow(slot + 1 - this.table.length);
      this.table.set(slot, code);
      if (slot === 0) this.entry = code;
    });
  }

  private instanceOf(bytes: Uint8Array): WebAssembly.Instance {
    const known = this.instances.get(bytes);
    if (known !== undefined) return known;
    const instance = new WebAssembly.Instance(compile(bytes), this.importObject);
    this.instances.set(bytes, instance);
    return instance;
  }

  release(slots: readonly number[]): void {
    for (const slot of slots) this.table.set(slot, null);
  }

  run(vpBase: number, budget: number): number {
    return present(this.entry, 'code in slot 0')(vpBase, budget);
  }
}

/** Code spaces on the JavaScript engine's own WebAssembly. */
export const webAssemblyCodeHost: CodeHost = {
  createSpace: (layout, imports) => new WebAssemblyCodeSpace(layout, imports),
};
