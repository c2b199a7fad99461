/** Modules that the build has emitted, beside the bundle: a process that has nothing of an earlier one need not. */
import { join } from 'node:path';
import type { CodeHost } from '../machine/code-space';
import { readWhole } from './whole-file';

/** What the build calls a module; the version is that of the sources which emit it. */
function fileOf(name: string, version: string): string {
  return `${name}-${version}.wasm`;
}

function read(path: string): Uint8Array | undefined {
  try {
    return readWhole(path);
  } catch {
    // A build that is watched has none.
    return undefined;
  }
}

/** A host that takes modules from a folder where they are there, each once. */
export function withBuiltModules(inner: CodeHost, folder: string, version: string): CodeHost {
  const modules = new Map<string, Uint8Array>();
  return {
    createSpace: (layout, imports) => inner.createSpace(layout, imports),
    keptModule: (name, make) => {
      const module = modules.get(name) ?? read(join(folder, fileOf(name, version))) ?? make();
      modules.set(name, module);
      return module;
    },
  };
}
