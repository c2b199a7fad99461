/** Every port of the debugger and the machine, as this computer has them. */
import { icedDisassembler } from './iced-disassembler';
import { nodeBlockFiles } from './node-block-files';
import { nodeCompressor } from './node-compressor';
import { nodeDecompressor } from './node-decompressor';
import { nodeFileSource } from './node-file-source';
import { nodeWallClock } from './node-wall-clock';
import { CachingDecompressor, cacheFolder } from './unpacked-cache';
import { webAssemblyCodeHost } from './web-assembly-code-space';

export const nodePorts = {
  files: nodeFileSource,
  blockFiles: nodeBlockFiles,
  compressor: nodeCompressor,
  decompressor: new CachingDecompressor(nodeDecompressor, cacheFolder()),
  disassembler: icedDisassembler,
  clock: nodeWallClock,
  codeHost: webAssemblyCodeHost,
} as const;
