/**
 * Runs a bundle with the bytecode that the JavaScript engine made of it in an earlier process, which is in the user's
 * cache folder: without, it parses all of the source again at every start, and each function once more when it is
 * first called. The bundle is one function of {@link BundleParameters}.
 */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import type { KeptFiles } from './kept-files';

/** Leaves the bytecode for later processes; `again` where this one has run what earlier ones have not. */
export type KeepCompiled = (again: boolean) => void;

/** What a bundle is called with: what Node gives a module, and the way to keep its bytecode. */
export type BundleParameters = readonly [
  exports: unknown,
  require: unknown,
  module: unknown,
  filename: string,
  folder: string,
  keepCompiled: KeepCompiled,
];

export interface BundleFile {
  readonly path: string;
  /** What the bytecode is kept under: other sources and other engines have others. Undefined to keep none. */
  readonly keptName: string | undefined;
}

/** The bundle as a function that is yet to be called, and what keeps its bytecode. */
export function loadBundle(
  { path, keptName }: BundleFile,
  files: KeptFiles,
): {
  readonly run: (...parameters: BundleParameters) => void;
  readonly keepCompiled: KeepCompiled;
} {
  const cachedData = keptName === undefined ? undefined : files.read(keptName);
  // Bundles have other characters than those of ASCII in comments only; strings of single bytes are parsed faster.
  const script = new Script(readFileSync(path, 'latin1'), { filename: path, cachedData });
  let isKept = cachedData !== undefined && script.cachedDataRejected !== true;
  return {
    // The build wraps every bundle into a function of these parameters.
    run: script.runInThisContext() as (...parameters: BundleParameters) => void,
    keepCompiled: (again) => {
      if (keptName === undefined || (isKept && !again)) return;
      isKept = true;
      files.write(keptName, [script.createCachedData()]);
    },
  };
}
