/**
 * Runs a bundle with the bytecode that the JavaScript engine made of it in an earlier process, which is in the user's
 * cache folder: without, it parses all of the source again at every start, and each function once more when it is
 * first called. The bundle is one function of {@link BundleParameters}.
 */
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import type { KeptFiles } from './kept-files';
import { readWhole } from './whole-file';

/** What a bundle is called with: what Node gives a module. */
export type BundleParameters = readonly [
  exports: unknown,
  require: unknown,
  module: unknown,
  filename: string,
  folder: string,
];

export interface BundleFile {
  readonly path: string;
  /** What the bytecode is kept under: other sources and other engines have others. Undefined to keep none. */
  readonly keptName: string | undefined;
}

/** The bundle as a function that is yet to be called; leaves its bytecode for later processes where there is none. */
export function loadBundle(
  { path, keptName }: BundleFile,
  files: KeptFiles,
): (...parameters: BundleParameters) => void {
  // Bundles have other characters than those of ASCII in comments only; strings of single bytes are parsed faster.
  const source = Buffer.from(readWhole(path).buffer).toString('latin1');
  const script =
    keptName === undefined
      ? new Script(source, { filename: path })
      : scriptWithBytecode(source, path, keptName, files);
  // The build wraps every bundle into a function of these parameters.
  return script.runInThisContext() as (...parameters: BundleParameters) => void;
}

function scriptWithBytecode(
  source: string,
  filename: string,
  keptName: string,
  files: KeptFiles,
): Script {
  const cachedData = files.read(keptName);
  if (cachedData !== undefined) {
    const script = new Script(source, { filename, cachedData });
    // The engine does not compile the same script twice in a process, so the next one does.
    if (script.cachedDataRejected === true) files.remove(keptName);
    return script;
  }
  const script = wholeScript(source, filename);
  files.write(keptName, [script.createCachedData()]);
  return script;
}

/** A script of which every function is compiled at once, instead of each when it is first called. */
function wholeScript(source: string, filename: string): Script {
  setFlagsFromString('--no-lazy');
  try {
    return new Script(source, { filename });
  } finally {
    // Bytecode is refused where flags are others than when it was made.
    setFlagsFromString('--lazy');
  }
}
