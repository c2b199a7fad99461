/** The only place that loads WebAssembly: makes a partition's memory and installs generated code into it. */
import type { CodeHost, CodeImports, CodeSpace, CodeSpaceLayout } from '../machine/code-space';
import { present } from '../support/assert';

const wasmPageBytes = 65536;

/** Modules by their bytes: partitions share the interpreter's, with the code that the engine has optimised. */
const compiled = new WeakMap<Uint8Array, WebAssembly.Module>();

function compile(bytes: Uint8Array): WebAssembly.Module {
  const known = compiled.get(bytes);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  compiled.set(bytes, module);
  return module;
}

class WebAssemblyCodeSpace implements CodeSpace {
  readonly bytes: Uint8Array;
  private readonly memory: WebAssembly.Memory;
  private readonly table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' });
  private entry: ((vpBase: number, budget: number) => number) | undefined;

  constructor(
    layout: CodeSpaceLayout,
    private readonly imports: CodeImports,
  ) {
    const pages = Math.ceil(layout.memoryBytes / wasmPageBytes);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
  }

  install(module: Uint8Array, slots: readonly number[]): void {
    const instance = new WebAssembly.Instance(compile(module), {
      m: { memory: this.memory, table: this.table, ...this.imports },
    });
    slots.forEach((slot, index) => {
      // The emitter exports exactly one function for each slot; a miss is caught by `present`.
      const code = present(instance.exports[`f${index}`], `export f${index}`) as () => number;
      if (slot >= this.table.length) this.table.grow(slot + 1 - this.table.length);
      this.table.set(slot, code);
      if (slot === 0) this.entry = code;
    });
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
