/**
 * The machine code that the JavaScript engine has made of a WebAssembly module, as bytes from which a later process has
 * the module without compiling it. Engines do this for browsers' caches of compiled code, and have no public name for
 * it: where the functions are missing or untried, everything is compiled as ever.
 */
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';

interface EngineFunctions {
  readonly serialize: (module: WebAssembly.Module) => ArrayBuffer;
  /** Undefined where another version of the engine, other flags or another processor have made the bytes. */
  readonly deserialize: (
    code: ArrayBufferLike,
    module: Uint8Array,
  ) => WebAssembly.Module | undefined;
  readonly isOptimized: (exported: unknown) => boolean;
}

/**
 * What machine code depends on, for the names of files: the engine checks it as well, but would leave code behind that
 * nobody else can use.
 */
export const engineVersion = [
  process.versions.v8,
  process.arch,
  createHash('sha256')
    .update(JSON.stringify([process.execArgv, process.env.NODE_OPTIONS]))
    .digest('hex')
    .slice(0, 8),
].join('-');

/**
 * Engines in which this has been seen to work: those of Node 20 to 24. The functions are not made for us, and another
 * engine may end the process where it does not like what it is given.
 */
const isTriedEngine =
  process.versions.electron === undefined && /^1[1-3]\./.test(process.versions.v8);

let found: EngineFunctions | undefined | 'unasked' = 'unasked';

/** Functions whose names start with % are known only while a flag is set, which is not left set. */
function engineFunctions(): EngineFunctions | undefined {
  if (!isTriedEngine) return undefined;
  if (found !== 'unasked') return found;
  const make = (...text: readonly string[]): unknown => new Function(...text);
  setFlagsFromString('--allow-natives-syntax');
  try {
    const functions = {
      serialize: make('module', 'return %SerializeWasmModule(module)'),
      deserialize: make('code', 'module', 'return %DeserializeWasmModule(code, module)'),
      isOptimized: make('exported', 'return %IsTurboFanFunction(exported)'),
    };
    // The engine's functions have no types of their own; these are what V8 11 to 13 take and give.
    found = functions as EngineFunctions;
  } catch {
    found = undefined;
  } finally {
    // Bytes are refused where flags are others than when they were made.
    setFlagsFromString('--no-allow-natives-syntax');
  }
  return found;
}

/** The engine drops code that has not run for long, and cannot read these functions again while the flag is off. */
function withEngine<T>(use: (engine: EngineFunctions) => T): T | undefined {
  const engine = engineFunctions();
  if (engine === undefined) return undefined;
  try {
    return use(engine);
  } catch (problem) {
    if (!(problem instanceof SyntaxError)) throw problem;
    found = 'unasked';
    const again = engineFunctions();
    return again === undefined ? undefined : use(again);
  }
}

/** Flags that put off the optimizing compiler until a function is hot. */
const tierUpFlags = ['liftoff', 'wasm-lazy-compilation', 'wasm-dynamic-tiering'];

/**
 * A module of which the engine has optimized all functions when this returns; undefined where its machine code could
 * not be kept.
 */
export function optimizedModule(module: Uint8Array): WebAssembly.Module | undefined {
  if (!isTriedEngine) return undefined;
  for (const flag of tierUpFlags) setFlagsFromString(`--no-${flag}`);
  try {
    return new WebAssembly.Module(new Uint8Array(module));
  } finally {
    // Bytes are refused where flags are others than when they were made.
    for (const flag of tierUpFlags) setFlagsFromString(`--${flag}`);
  }
}

/**
 * Functions of a module, which are asked about and not called. Those that run belong to instances that must not outlive
 * their partition, and that a weak reference would keep for as long as a run goes on without a pause.
 */
function functionsOf(module: WebAssembly.Module): unknown[] {
  const imports: Record<string, WebAssembly.ImportValue> = {
    memory: new WebAssembly.Memory({ initial: 1 }),
    table: new WebAssembly.Table({ initial: 1, element: 'anyfunc' }),
  };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === 'function') imports[name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, { m: imports });
  return Object.values(exports).filter((each) => typeof each === 'function');
}

/** The machine code of a module; undefined while none of its functions has been optimized: there is nothing to keep then. */
export function nativeCodeOf(module: WebAssembly.Module): Uint8Array | undefined {
  const exported = functionsOf(module);
  // Without this question the engine ends the process: it has nothing to serialize.
  if (withEngine((engine) => exported.some((each) => engine.isOptimized(each))) !== true)
    return undefined;
  return withEngine((engine) => new Uint8Array(engine.serialize(module)));
}

/** A module with the machine code that was kept of it; undefined where that cannot be used. */
export function moduleWithCode(
  module: Uint8Array,
  code: Uint8Array,
): WebAssembly.Module | undefined {
  // The engine takes a whole buffer, which a file of its own is.
  const isWhole = code.length === code.buffer.byteLength;
  const buffer = (isWhole ? code : new Uint8Array(code)).buffer;
  return withEngine((engine) => engine.deserialize(buffer, module));
}
