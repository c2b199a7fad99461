/** A register that enables an overlay page and says where it lies: bit 0 and bits 63:12 (TLFS 5.2.1). */
import type { OverlayPages } from './overlay-pages';

/** Whose page it is; where several lie at one place, the lowest is seen. */
export const overlayOwner = {
  hypercall: 0,
  referenceTsc: 1,
  /** Of processor 0; the others follow. */
  vpAssist: 0x100,
  messagePage: 0x200,
  eventFlagsPage: 0x300,
} as const;

const firstOfProcessors = 0x100;

/** What a person calls the page of an owner. */
export function nameOfOverlay(owner: number): string {
  if (owner === overlayOwner.hypercall) return 'hypercall page';
  if (owner === overlayOwner.referenceTsc) return 'reference TSC page';
  if (owner < overlayOwner.messagePage) return 'VP assist page';
  return owner < overlayOwner.eventFlagsPage ? 'message page' : 'event flags page';
}

/** Processor whose page it is; the pages of the whole partition count as the first one's. */
export function processorOfOverlay(owner: number): number {
  return owner < firstOfProcessors ? 0 : owner % firstOfProcessors;
}

const enable = 1n;
const pageShift = 12n;

/** What the register's page is like. */
export interface OverlayDescription {
  readonly owner: number;
  readonly contents: () => Uint8Array;
  readonly rights: number;
}

export class OverlayRegister {
  private current = 0n;

  constructor(
    private readonly pages: OverlayPages,
    private readonly description: OverlayDescription,
  ) {}

  /** As it was written; bits 11:1 are kept for the guest (RsvdP). */
  get value(): bigint {
    return this.current;
  }

  /** The guest page where it is seen; undefined where it is disabled, hidden by another, or not on RAM. */
  get seenPage(): number | undefined {
    return this.pages.seenPage(this.description.owner);
  }

  /** Any value is taken; a page that is not RAM is not accessible (TLFS 12.6). */
  write(value: bigint): void {
    const hasMoved = ((value ^ this.current) & ~0xffen) !== 0n;
    this.current = value;
    if (!hasMoved) return;
    const { owner } = this.description;
    if ((value & enable) === 0n) this.pages.release(owner);
    else this.pages.claim(owner, this.claim());
  }

  /** Puts back a saved value; the page itself has come back with the memory. */
  restore(value: bigint): void {
    this.current = value;
    if ((value & enable) !== 0n) this.pages.adopt(this.description.owner, this.claim());
  }

  private claim() {
    const { contents, rights } = this.description;
    return { gpaPage: Number(this.current >> pageShift), contents, rights };
  }
}
