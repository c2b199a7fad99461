/** Every port of the debugger and the machine, as this computer has them. */
import type { CodeHost } from '../machine/code-space';
import { ArchivingCodeHost } from './archiving-code-host';
import { withBuiltModules } from './built-modules';
import { icedDisassembler } from './iced-disassembler';
import { cacheFolder, KeptFiles } from './kept-files';
import { engineVersion } from './native-code';
import { nodeBlockFiles } from './node-block-files';
import { nodeCompressor } from './node-compressor';
import { nodeDecompressor } from './node-decompressor';
import { nodeFileSource } from './node-file-source';
import { nodeWallClock } from './node-wall-clock';
import { CachingDecompressor } from './unpacked-cache';
import {
  codeOf,
  hasMachineCode,
  optimize,
  provideCode,
  webAssemblyCodeHost,
} from './web-assembly-code-space';

/** Hash of the sources that generated code depends on; only bundles have it. */
declare const translatorVersion: string | undefined;

const translatedLimits = { files: 8, bytes: 512 * 1024 * 1024 };

const codeHost =
  typeof translatorVersion === 'string'
    ? withBuiltModules(webAssemblyCodeHost, __dirname, translatorVersion)
    : webAssemblyCodeHost;

const archivingCodeHost =
  typeof translatorVersion === 'string'
    ? new ArchivingCodeHost(
        codeHost,
        { codeOf, provide: provideCode, hasMachineCode },
        new KeptFiles(cacheFolder(), '.translated', translatedLimits),
        `${translatorVersion}-${engineVersion}`,
      )
    : undefined;

export const nodePorts = {
  files: nodeFileSource,
  blockFiles: nodeBlockFiles,
  compressor: nodeCompressor,
  decompressor: new CachingDecompressor(nodeDecompressor, cacheFolder()),
  disassembler: icedDisassembler,
  clock: nodeWallClock,
  codeHost: archivingCodeHost ?? codeHost,
} as const;

/** The ports without what earlier processes have left. */
export const portsWithoutCache = {
  ...nodePorts,
  decompressor: nodeDecompressor,
  codeHost,
} as const;

/** The ports of a guest that is run for what later runs have of it: modules are optimized, and nothing of it is kept. */
export const portsOfPreparation = {
  ...nodePorts,
  codeHost: {
    createSpace: codeHost.createSpace,
    keptModule: (name, make) => {
      const module = (archivingCodeHost ?? codeHost).keptModule?.(name, make) ?? make();
      optimize(module);
      return module;
    },
  } satisfies CodeHost,
} as const;

/** Leaves what this process has translated and compiled for later ones; for its end. */
export function keepTranslatedCode(): void {
  archivingCodeHost?.save();
}
