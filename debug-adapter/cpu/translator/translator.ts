/**
 * Translates hot code: collects the places that ran often, and turns them into WebAssembly regions, several to a module
 * because a module costs far more than a function.
 */
import type { ArchivedRegion, CodeArchive, RegionRecord } from '../../machine/code-archive';
import type { CodeSpace } from '../../machine/code-space';
import type { GuestMemory } from '../../machine/guest-memory';
import type { VariantTable } from '../decode/variants';
import { codeModes, flatCode, longCode, type CodeMode } from '../decode/code-mode';
import type { CodeCache, ResetReason } from '../interpreter/code-cache';
import { present } from '../../support/assert';
import { buildModule } from '../wasm/module-builder';
import type { Region } from './region';
import { RegionFinder } from './region-finder';
import { emitRegion } from './region-function';
import { RegionStore } from './region-store';

/**
 * Steps after which places are translated although others could still join them: so many for each module made before,
 * up to a limit. What is hot first is a loop that waits alone, while the engine has not optimized the interpreter yet.
 */
const waitStepsOfModule = 10_000;
const waitStepsMax = 300_000;
/** Modules after which instructions are hot after more jumps. */
const promptModules = 8;
/** Instructions, or one region, that are translated at once: whoever wants the guest to stop waits for so many. */
const instructionsAtOnceMax = 1000;
/** Steps of generated code after which time passes here. */
const stepsAtOnceMax = 400_000;
/** Refused translations that make up for one change. */
const refusalsPerChange = 64;

interface HotPlace {
  readonly frame: number;
  readonly offset: number;
  readonly mode: CodeMode;
}

/** Modes whose code is translated: the others check every access against segments, and run seldom. */
const translatedModes: ReadonlySet<CodeMode> = new Set([longCode, flatCode]);

interface Translated {
  readonly place: HotPlace;
  readonly region: Region;
}

export interface TranslatorOptions {
  /** Places that wait at most, before they are translated together. */
  readonly batchSize: number;
  readonly tlbEntries: number;
  /** Changes of a page with translated code after which its code is interpreted, for a while. */
  readonly changesMax: number;
  /** Modules alive at most; beyond that the oldest regions go. */
  readonly modulesMax: number;
  /** Called when regions have gone, so that processors forget the ways to them. */
  readonly onRegionsGone: () => void;
  /** Where translations of this run are left. */
  readonly archive?: CodeArchive;
}

export class Translator {
  private waiting: HotPlace[] = [];
  private waitedSteps = 0;
  private moduleCount = 0;
  private readonly finder: RegionFinder;
  private readonly store: RegionStore;
  /** By frame: how often translated code was lost to a write. */
  private readonly changes = new Map<number, number>();
  private refusals = 0;

  constructor(
    private readonly space: CodeSpace,
    private readonly memory: GuestMemory,
    private readonly code: CodeCache,
    variants: VariantTable,
    private readonly options: TranslatorOptions,
  ) {
    this.finder = new RegionFinder(variants);
    this.store = new RegionStore(space, memory, code, options.modulesMax);
  }

  /** Asks for a translation of the code at an offset of a frame, as it is decoded in a mode. */
  request(frame: number, offset: number, mode: CodeMode): void {
    if (!translatedModes.has(mode)) return;
    // Jumps from the interpreter are counted where a region begins as well, and another one would not take its place.
    if (this.code.hasRegion({ frame, mode }, offset)) return;
    if (this.isUnstable(frame)) {
      // It may ask again.
      this.code.coolDown({ frame, mode }, offset);
      return;
    }
    this.waiting.push({ frame, offset, mode });
    if (this.waiting.length >= this.options.batchSize) this.translateWaiting();
  }

  /** How many steps generated code may go without {@link advance}. */
  bounded(steps: number): number {
    if (this.waiting.length === 0) return Math.min(steps, stepsAtOnceMax);
    return Math.min(steps, Math.max(1, this.waitSteps - this.waitedSteps));
  }

  /** Time passes, in steps: nothing waits for too long. */
  advance(steps: number): void {
    if (this.waiting.length === 0) return;
    this.waitedSteps += steps;
    if (this.waitedSteps >= this.waitSteps) this.translateWaiting();
  }

  private get waitSteps(): number {
    return Math.min(waitStepsMax, (this.moduleCount + 1) * waitStepsOfModule);
  }

  /** The code of a frame is about to change: what was made from it is kept for when it is the same again. */
  frameWillChange(frame: number): void {
    if (this.waiting.length > 0) {
      this.waiting = this.waiting.filter((place) => place.frame !== frame);
    }
    if (this.store.frameWillChange(frame) === 0) return;
    this.changes.set(frame, (this.changes.get(frame) ?? 0) + 1);
    this.options.onRegionsGone();
  }

  /**
   * Code of a frame is decoded for the first time since its contents are what they are.
   * @param archived what earlier runs have made of such a page
   */
  frameIsNew(frame: number, archived: readonly ArchivedRegion[]): void {
    if (this.store.frameIsNew(frame)) return;
    if (archived.length > 0 && !this.isChanging(frame)) this.takeArchived(frame, archived);
  }

  /** Memory shows other contents altogether: what was written before says nothing about them. */
  memoryWasReplaced(): void {
    this.changes.clear();
  }

  /** Every record is gone, and with them every way into a region. */
  codeWasDropped(reason: ResetReason): void {
    this.waiting = [];
    // Regions were made for the breakpoints that there were.
    if (reason === 'breakpoints') this.store.clear();
    else this.store.allFramesWillChange();
    this.options.onRegionsGone();
  }

  /** Lets the records of a frame run what earlier runs have made of such a page. */
  private takeArchived(frame: number, archived: readonly ArchivedRegion[]): void {
    const excluded = [...this.code.interpretedOffsets];
    for (const { module, index, mode, entries, from, to } of archived) {
      const codeMode = codeModes[mode];
      if (codeMode === undefined) continue;
      // The interpreter must see these instructions; most regions lie elsewhere.
      if (excluded.some((offset) => from <= offset && offset <= to)) continue;
      const slot = this.store.takeSlot();
      const slots: (number | undefined)[] = [];
      slots[index] = slot;
      this.space.install(module, slots);
      this.store.add(frame, { mode: codeMode, slot, module, entries });
    }
    if (this.store.evict()) this.options.onRegionsGone();
  }

  private pageOf(frame: number): Uint8Array {
    const start = this.memory.frameOffset(frame);
    return this.space.bytes.subarray(start, start + 4096);
  }

  private isChanging(frame: number): boolean {
    return (this.changes.get(frame) ?? 0) >= this.options.changesMax;
  }

  /** Code that is written again and again costs more to translate than it gains; refusals make it be forgotten. */
  private isUnstable(frame: number): boolean {
    if (!this.isChanging(frame)) return false;
    if (++this.refusals % refusalsPerChange === 0) {
      this.changes.set(frame, (this.changes.get(frame) ?? 0) - 1);
    }
    return true;
  }

  private translateWaiting(): void {
    const found: Translated[] = [];
    let instructions = 0;
    while (instructions < instructionsAtOnceMax) {
      const place = this.waiting.shift();
      if (place === undefined) break;
      if (this.dropInner(place, found)) continue;
      const region = this.discover(place);
      if (region === undefined) continue;
      found.push({ place, region });
      instructions += region.instructionCount;
    }
    const translated = this.withoutInner(found);
    if (translated.length > 0) this.install(translated);
    this.waiting = this.waiting.filter((place) => !this.dropInner(place, translated));
    // What is left comes after a little while.
    this.waitedSteps =
      this.waiting.length === 0 ? 0 : Math.max(0, this.waitSteps - waitStepsOfModule);
  }

  /** Largest first, without those whose place is inside a larger one: their code would exist twice. */
  private withoutInner(found: readonly Translated[]): Translated[] {
    const kept: Translated[] = [];
    const bySize = [...found].sort((a, b) => b.region.instructionCount - a.region.instructionCount);
    for (const candidate of bySize) {
      if (!this.dropInner(candidate.place, kept)) kept.push(candidate);
    }
    return kept;
  }

  /**
   * What is inside a region became hot along with the place where that begins, and is reached from there now. Where it
   * is entered from elsewhere all the same it asks again.
   * @returns whether the place is inside one of the regions
   */
  private dropInner(place: HotPlace, regions: readonly Translated[]): boolean {
    for (const { place: begin, region } of regions) {
      if (begin.frame !== place.frame || begin.mode !== place.mode) continue;
      if (!region.byOffset.has(place.offset)) continue;
      this.code.heatAgain(place, place.offset);
      return true;
    }
    return false;
  }

  private discover(place: HotPlace): Region | undefined {
    const page = {
      bytes: this.pageOf(place.frame),
      mode: place.mode,
      excluded: this.code.interpretedOffsets,
      isJumpedTo: (offset: number) => this.code.isJumpedTo(place, offset),
      isPassedTo: (offset: number) => this.code.isPassedTo(place, offset),
    };
    return this.finder.find(page, place.offset);
  }

  private install(translated: readonly Translated[]): void {
    const functions = translated.map(({ region }) => emitRegion(region, this.options.tlbEntries));
    const exported = functions.map((_, index) => index);
    const module = buildModule([], functions, exported);
    const slots = translated.map(() => this.store.takeSlot());
    const records = translated.map(({ region }) => recordOf(region));
    this.space.install(module, slots);
    if (++this.moduleCount === promptModules) this.code.raiseHotCount();
    const { archive } = this.options;
    archive?.add(
      module,
      records.map((record, index) => {
        const { place } = present(translated[index], 'region of a record');
        return { ...record, page: this.pageOf(place.frame) };
      }),
    );
    translated.forEach(({ place }, index) => {
      const { entries } = present(records[index], 'record of a region');
      const slot = slots[index] ?? 0;
      this.store.add(place.frame, { mode: place.mode, slot, module, entries });
    });
    if (this.store.evict()) this.options.onRegionsGone();
  }
}

function recordOf({ mode, entries, blocks }: Region): RegionRecord {
  // Blocks are in order, but may overlap.
  let to = 0;
  for (const { instructions } of blocks) {
    to = Math.max(to, instructions[instructions.length - 1]?.offset ?? 0);
  }
  return {
    mode: mode.index,
    entries: entries.map(({ offset, id }) => ({ offset, id })),
    from: blocks[0]?.offset ?? 0,
    to,
  };
}
