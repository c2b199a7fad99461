/**
 * Translates hot code: collects the places that ran often, and turns them into WebAssembly regions, several to a module
 * because a module costs far more than a function.
 */
import type { CodeSpace } from '../../machine/code-space';
import type { GuestMemory } from '../../machine/guest-memory';
import type { VariantTable } from '../decode/variants';
import { flatCode, longCode, type CodeMode } from '../decode/code-mode';
import type { CodeCache } from '../interpreter/code-cache';
import { buildModule } from '../wasm/module-builder';
import { discoverRegion, type Region } from './region';
import { emitRegion } from './region-function';

/** Regions alive at most; beyond that everything is dropped and begins anew. */
const regionCountMax = 4000;

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
}

export class Translator {
  private waiting: HotPlace[] = [];
  /** Table slots in use, by the frame whose code is behind them. */
  private readonly slots = new Map<number, number[]>();
  private freeSlots: number[] = [];
  private nextSlot = 1;
  private regionCount = 0;

  constructor(
    private readonly space: CodeSpace,
    private readonly memory: GuestMemory,
    private readonly code: CodeCache,
    private readonly variants: VariantTable,
    private readonly options: TranslatorOptions,
  ) {}

  /** Asks for a translation of the code at an offset of a frame, as it is decoded in a mode. */
  request(frame: number, offset: number, mode: CodeMode): void {
    if (!translatedModes.has(mode)) return;
    this.waiting.push({ frame, offset, mode });
    if (this.waiting.length >= this.options.batchSize) this.translateWaiting();
  }

  /** Translates what has been asked for; called when a run begins, so that nothing waits for long. */
  translateWaiting(): void {
    if (this.waiting.length === 0) return;
    const places = this.waiting;
    this.waiting = [];
    if (this.regionCount + places.length > regionCountMax) {
      this.code.reset();
      return;
    }
    const found: Translated[] = [];
    for (const place of places) {
      const region = this.discover(place);
      if (region !== undefined) found.push({ place, region });
    }
    const translated = withoutCovered(found);
    if (translated.length > 0) this.install(translated);
  }

  /**
   * The code of a frame has changed: what was made from it is unreachable by its records.
   * @returns whether there was any, so that other ways to it must be closed
   */
  frameChanged(frame: number): boolean {
    const slots = this.slots.get(frame);
    this.waiting = this.waiting.filter((place) => place.frame !== frame);
    if (slots === undefined) return false;
    this.slots.delete(frame);
    this.release(slots);
    return true;
  }

  /** Every record is gone, and with them every way into a region. */
  codeWasDropped(): void {
    this.waiting = [];
    for (const slots of this.slots.values()) this.release(slots);
    this.slots.clear();
  }

  private release(slots: readonly number[]): void {
    this.space.release(slots);
    this.freeSlots.push(...slots);
    this.regionCount -= slots.length;
  }

  private discover({ frame, offset, mode }: HotPlace): Region | undefined {
    const start = this.memory.frameOffset(frame);
    const page = {
      bytes: this.space.bytes.subarray(start, start + 4096),
      variants: this.variants,
      mode,
      excluded: this.code.interpretedOffsets,
    };
    return discoverRegion(page, offset);
  }

  private install(translated: readonly Translated[]): void {
    const functions = translated.map(({ region }) => emitRegion(region, this.options.tlbEntries));
    const exported = functions.map((_, index) => index);
    const module = buildModule([], functions, exported);
    const slots = translated.map(() => this.freeSlots.pop() ?? this.nextSlot++);
    this.space.install(module, slots);
    this.regionCount += slots.length;
    translated.forEach(({ place, region }, index) => {
      const slot = slots[index] ?? 0;
      this.slots.set(place.frame, [...(this.slots.get(place.frame) ?? []), slot]);
      for (const entry of region.entries) {
        this.code.installRegion(place, entry.offset, slot, entry.id);
      }
    });
  }
}

/** Largest first, without those whose place a larger one can be entered at: their code would exist twice. */
function withoutCovered(found: readonly Translated[]): Translated[] {
  const kept: Translated[] = [];
  const bySize = [...found].sort((a, b) => b.region.instructionCount - a.region.instructionCount);
  for (const candidate of bySize) {
    const { frame, offset, mode } = candidate.place;
    const isCovered = kept.some(
      ({ place, region }) =>
        place.frame === frame &&
        place.mode === mode &&
        region.entries.some((entry) => entry.offset === offset),
    );
    if (!isCovered) kept.push(candidate);
  }
  return kept;
}
