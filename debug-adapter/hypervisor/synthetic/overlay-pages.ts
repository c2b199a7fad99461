/** Pages that the hypervisor lays over those of a guest (TLFS 5.2.1): who claims which page, and who is seen there. */
import { entryMapped, type GuestMemory } from '../../machine/guest-memory';

/** A page that somebody wants to lay over a guest's. */
interface OverlayClaim {
  readonly gpaPage: number;
  /** What the page holds when it is laid there. */
  readonly contents: () => Uint8Array;
  readonly rights: number;
}

/** Told of an owner, a guest page, and whether the one was laid over the other or is gone from there. */
export type OverlayListener = (owner: number, gpaPage: number, isLaid: boolean) => void;

/**
 * The overlays of one partition. Where several claim one page, the lowest owner is seen, and the next one when it goes:
 * which one is the hypervisor's choice, and this one follows from the registers alone.
 */
export class OverlayPages {
  private readonly claims = new Map<number, OverlayClaim>();
  /** Owner that is seen at a page. */
  private readonly seen = new Map<number, number>();

  /** @param changed told when an owner's page is laid or taken away */
  constructor(
    private readonly memory: GuestMemory,
    private readonly changed: OverlayListener = () => undefined,
  ) {}

  /**
   * Lays a page over a guest's. An owner has one page at a time; there is nothing to see where the guest has no RAM.
   * @returns whether the page is seen
   */
  claim(owner: number, claim: OverlayClaim): boolean {
    this.release(owner);
    this.claims.set(owner, claim);
    this.show(claim.gpaPage);
    return this.seen.get(claim.gpaPage) === owner;
  }

  /** Takes the owner's page away; what was there before returns. */
  release(owner: number): void {
    const claim = this.claims.get(owner);
    if (claim === undefined) return;
    this.claims.delete(owner);
    this.show(claim.gpaPage);
  }

  /** The guest page at which an owner's page is seen. */
  seenPage(owner: number): number | undefined {
    const gpaPage = this.claims.get(owner)?.gpaPage;
    return gpaPage !== undefined && this.seen.get(gpaPage) === owner ? gpaPage : undefined;
  }

  /** Takes note of a claim whose page the memory already shows: after the memory has been restored. */
  adopt(owner: number, claim: OverlayClaim): void {
    this.claims.set(owner, claim);
    const first = this.firstAt(claim.gpaPage);
    if (first !== undefined && this.memory.isOverlay(claim.gpaPage)) {
      this.seen.set(claim.gpaPage, first);
    }
  }

  /** Forgets every claim, before what was saved is adopted. */
  forget(): void {
    this.claims.clear();
    this.seen.clear();
  }

  private firstAt(gpaPage: number): number | undefined {
    let first: number | undefined;
    for (const [owner, claim] of this.claims) {
      if (claim.gpaPage === gpaPage && (first === undefined || owner < first)) first = owner;
    }
    return first;
  }

  private show(gpaPage: number): void {
    const owner = this.firstAt(gpaPage);
    if (this.seen.get(gpaPage) === owner) return;
    const before = this.seen.get(gpaPage);
    this.memory.removeOverlay(gpaPage);
    this.seen.delete(gpaPage);
    if (before !== undefined) this.changed(before, gpaPage, false);
    const claim = owner === undefined ? undefined : this.claims.get(owner);
    if (owner === undefined || claim === undefined) return;
    if ((this.memory.entryOf(gpaPage) & entryMapped) === 0) return;
    const isLaid = this.memory.placeOverlay(gpaPage, claim.contents(), claim.rights);
    if (!isLaid) return;
    this.seen.set(gpaPage, owner);
    this.changed(owner, gpaPage, true);
  }
}
