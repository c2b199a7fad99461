/** Builds a partition's code space with its memory, interpreter and processors. */
import type { CodeArchive } from '../machine/code-archive';
import type { CodeHost, CodeSpace } from '../machine/code-space';
import { GuestMemory } from '../machine/guest-memory';
import { PartitionClock } from '../machine/partition-clock';
import type { ProcessorCore } from '../machine/processor';
import { stateOffsets } from '../machine/processor-state';
import {
  linearAddressBits as addressBits,
  type LinearAddressBits,
} from '../spec/x86/address-widths';
import { assert, present } from '../support/assert';
import { VariantTable } from './decode/variants';
import { CodeCache, type HotCounts, type ResetReason } from './interpreter/code-cache';
import { emitInterpreter } from './interpreter/interpreter-module';
import { variantIndexOf, withVariantIndex } from './interpreter/kept-index';
import { firstHandler } from './interpreter/record';
import { KeptCode } from './kept-code';
import {
  arenaBase,
  dataTlbEntriesMax,
  frameBase,
  jumpCacheOffsets,
  processorBase,
  processorCountMax,
  processorStride,
  runAreaEnd,
  runOffsets,
} from './memory-map';
import { TranslationSources } from './paging/translation-sources';
import { VirtualProcessorCore, type SharedParts } from './processor-core';
import { initialRandomState } from './routines/random-numbers';
import { routineNumber } from './routines/routine-table';
import { Translator } from './translator/translator';

/** Sizes of a partition. */
export interface PartitionCoreOptions {
  /** RAM in bytes, a multiple of 4096. */
  readonly memoryBytes: number;
  /** 1 to 64. */
  readonly processorCount: number;
  /** What the processors' random numbers start from; 0 unless given. */
  readonly randomSeed?: bigint;
  /** What instructions mean, to both engines; the definitions of `semantics/` unless given. */
  readonly variants?: VariantTable;
  /** Entries of each data TLB, a power of two from 64 to 16384. */
  readonly tlbEntries?: number;
  /** Of the linear addresses that the processors support; 57 lets software turn 5-level paging on. */
  readonly linearAddressBits?: LinearAddressBits;
  /** Jumps to a place after which it is translated; 1 for at once, 0 for never. */
  readonly hotCount?: number;
  /** Changes of a page with translated code after which the page is interpreted for a while; 8 unless given. */
  readonly changesOfUnstablePage?: number;
  /**
   * Modules of translated code alive at most; 8,000 unless given. Each takes two or three of the 65,530 mappings that
   * Linux grants a process, so several partitions share what there is.
   */
  readonly modulesMax?: number;
  /** Code of earlier runs. */
  readonly archive?: CodeArchive;
}

/** A partition's memory and processors. */
export interface PartitionCores {
  readonly memory: GuestMemory;
  readonly clock: PartitionClock;
  readonly cores: readonly ProcessorCore[];
}

/**
 * Jumps to a place until its translation is worth its cost. An instruction costs about 100 us to translate, mostly in
 * the engine's compilers, and takes 4 ns less to run then: what ran 25,000 times will probably run as often again.
 * What is hot first is a loop that all else waits for, and the engine has not optimized the interpreter by then.
 */
const hotCountsDefault: HotCounts = { first: 3000, later: 30_000 };

/** Hot places translated together: a module costs far more than a function. */
const translationBatch = 16;

const changesOfUnstablePageDefault = 8;

/** Of the modules of translated code that are alive in a process. */
export const modulesOfProcessMax = 8000;

/** Frames beyond RAM for pages that the hypervisor lays over the guest's. */
const overlayFrames = 256;

let usualVariants: VariantTable | undefined;
const modules = new Map<number, Uint8Array>();

/** The variants of all definitions; built once. */
export function variantTable(): VariantTable {
  usualVariants ??= new VariantTable(firstHandler);
  return usualVariants;
}

/** The interpreter's bytes for a TLB size; emitted once. */
export function interpreterModule(tlbEntries: number): Uint8Array {
  let module = modules.get(tlbEntries);
  if (module === undefined) {
    module = emitModule(variantTable(), tlbEntries);
    modules.set(tlbEntries, module);
  }
  return module;
}

/** The module that partitions with such TLBs get on a host. */
export function interpreterOf(codeHost: CodeHost, tlbEntries: number): Uint8Array {
  return usualInterpreter(codeHost, tlbEntries).module;
}

interface Interpreter {
  readonly module: Uint8Array;
  readonly variants: VariantTable;
}

/** The interpreter of all definitions, as an earlier process has left it where one has. */
function usualInterpreter(codeHost: CodeHost, tlbEntries: number): Interpreter {
  const make = (): Uint8Array => interpreterModule(tlbEntries);
  const module = codeHost.keptModule?.(`interpreter-${tlbEntries}`, make) ?? make();
  const known = usualVariants === undefined ? variantIndexOf(module) : undefined;
  usualVariants ??= new VariantTable(firstHandler, undefined, known);
  return { module, variants: usualVariants };
}

function emitModule({ groups, index }: VariantTable, tlbEntries: number): Uint8Array {
  return withVariantIndex(emitInterpreter({ groups, tlbEntries, routineNumber }), index);
}

/** Makes the code space of a partition, its memory (nothing mapped yet) and its processors. */
export function createPartitionCores(
  codeHost: CodeHost,
  options: PartitionCoreOptions,
): PartitionCores {
  const { memoryBytes, processorCount, tlbEntries = dataTlbEntriesMax } = options;
  const { hotCount } = options;
  const hotCounts =
    hotCount === undefined ? hotCountsDefault : { first: hotCount, later: hotCount };
  const { linearAddressBits = addressBits.fourLevels } = options;
  const widths = { tlbEntries, linearAddressBits };
  const { changesOfUnstablePage = changesOfUnstablePageDefault } = options;
  const { modulesMax = modulesOfProcessMax } = options;
  assert(processorCount >= 1 && processorCount <= processorCountMax, 'processor count');
  assert(runAreaEnd <= jumpCacheOffsets[0], 'the run area ends before the tables');
  const cores: VirtualProcessorCore[] = [];
  const coreAt = (vpBase: number): VirtualProcessorCore =>
    present(cores[(vpBase - processorBase) / processorStride], 'processor');
  const space: CodeSpace = codeHost.createSpace(
    { memoryBytes: frameBase + memoryBytes + overlayFrames * 4096 },
    {
      read: (vp, record, low, high, info) =>
        coreAt(vp ?? 0).access.read(record ?? 0, low ?? 0, high ?? 0, info ?? 0),
      write: (vp, record, low, high, info) =>
        coreAt(vp ?? 0).access.write(record ?? 0, low ?? 0, high ?? 0, info ?? 0),
      commit: (vp, host) => coreAt(vp ?? 0).access.commit(host ?? 0),
      routine: (vp, record, number) => coreAt(vp ?? 0).callRoutine(record ?? 0, number ?? 0),
    },
  );
  const { module, variants } =
    options.variants === undefined
      ? usualInterpreter(codeHost, tlbEntries)
      : { module: emitModule(options.variants, tlbEntries), variants: options.variants };
  const memory = new GuestMemory(space.bytes, frameBase, memoryBytes / 4096 + overlayFrames);
  const clock = new PartitionClock();
  // An archive has code of the usual instructions, for the usual TLBs.
  const isArchived =
    hotCounts.later > 0 && options.variants === undefined && tlbEntries === dataTlbEntriesMax;
  const { code, translator, sources } = makeCodeCache(space, memory, cores, {
    ...{ tlbEntries, hotCounts, changesOfUnstablePage, modulesMax, variants },
    archive: isArchived ? options.archive : undefined,
  });
  const breakpointsChanged = (): void => {
    const addresses = cores.flatMap((core) => [...core.breakpointAddresses]);
    code.setBreakpointOffsets(new Set(addresses.map((address) => Number(address & 0xfffn))));
  };
  for (let index = 0; index < processorCount; index++) {
    const vpBase = processorBase + index * processorStride;
    const shared = { space, memory, clock, code, translator, sources, ...widths };
    const core = new VirtualProcessorCore(shared, vpBase, breakpointsChanged);
    const random = initialRandomState(options.randomSeed ?? 0n, index);
    core.state.writeU64(stateOffsets.randomState, random);
    cores.push(core);
  }
  space.install(module, [0]);
  return { memory, clock, cores };
}

/** The partition's decoded and translated code, with the processors that hold cached addresses of it. */
function makeCodeCache(
  space: CodeSpace,
  memory: GuestMemory,
  cores: readonly VirtualProcessorCore[],
  {
    tlbEntries,
    hotCounts,
    changesOfUnstablePage,
    modulesMax,
    variants,
    archive,
  }: Required<
    Pick<PartitionCoreOptions, 'tlbEntries' | 'changesOfUnstablePage' | 'modulesMax' | 'variants'>
  > & { readonly hotCounts: HotCounts; readonly archive: CodeArchive | undefined },
): Pick<SharedParts, 'code' | 'translator' | 'sources'> {
  const undefinedHandler = present(variants.handlerNamed('UD '), 'the variant of UD');
  const forgetCode = (reason: ResetReason): void => {
    kept.recordsWillGo();
    translator.codeWasDropped(reason);
    for (const core of cores) {
      core.caches.flushCode();
      core.context.setRun32(runOffsets.startRecord, 0);
    }
  };
  const code = new CodeCache(space.bytes, memory, variants, {
    undefinedHandler,
    hotCounts,
    onReset: forgetCode,
    onNewCode: (frame) => kept.frameIsNew(frame),
    onDecodedGone: (place, records) => kept.pageWillChange(place, records),
  });
  const translator = new Translator(space, memory, code, variants, {
    batchSize: hotCounts.first === 1 ? 1 : translationBatch,
    changesMax: changesOfUnstablePage,
    modulesMax,
    tlbEntries,
    onRegionsGone: () => cores.forEach((core) => core.caches.forgetJumps()),
    ...(archive === undefined ? {} : { archive }),
  });
  const kept = new KeptCode(archive, memory, code, translator);
  const dropTranslations = (): void => {
    memory.clearTranslationFlags();
    for (const core of cores) core.caches.flush();
  };
  const sources = new TranslationSources(space.bytes, memory, {
    dropAll: dropTranslations,
    dropPage: (page) => {
      for (const core of cores) core.caches.dropPage(page);
    },
    dropRange: (first, count) => cores.forEach((core) => core.caches.dropRange(first, count)),
  });
  memory.observe({
    codeWillChange: (frame) => {
      translator.frameWillChange(frame);
      code.invalidateFrame(frame);
    },
    writeAccessDidEnd: (frame) =>
      cores.forEach((core) => {
        if (frame === undefined) core.caches.flushWrites();
        else core.caches.dropWritesTo(frame);
      }),
    mapDidChange: () => {
      translator.memoryWasReplaced();
      dropTranslations();
    },
    translationWillChange: (frame, from, bytes) => sources.willChange(frame, from, bytes),
  });
  assert(arenaBase < frameBase, 'the arena lies below the frames');
  return { code, translator, sources };
}
