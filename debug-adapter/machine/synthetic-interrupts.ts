/** Messages and events between a child and its parent (TLFS 11): what VMBus stands on. */

/** A child posted a message to a port of the parent (TLFS 11, HvCallPostMessage). Nobody waits for an answer. */
export interface PostedMessage {
  readonly kind: 'posted-message';
  readonly partition: number;
  readonly processor: number;
  readonly connectionId: number;
  readonly messageType: number;
  /** 0 to 240 bytes. */
  readonly payload: Uint8Array;
}

/** A child signalled an event port of the parent (TLFS 11, HvCallSignalEvent). Nobody waits for an answer. */
export interface SignaledEvent {
  readonly kind: 'signaled-event';
  readonly partition: number;
  readonly processor: number;
  readonly connectionId: number;
  /** Flag number relative to the connection's first flag. */
  readonly flag: number;
}

/** Where a child takes messages and events. */
export interface SyntheticInterruptTarget {
  readonly partition: number;
  readonly processor: number;
  /** 0 to 15. */
  readonly sint: number;
}

/** How the virtualization stack talks to a child's synthetic interrupt controllers. */
export interface SyntheticInterruptControl {
  /**
   * Posts a message to a child; it waits in the hypervisor while the slot is taken.
   * @param payload 0 to 240 bytes, copied
   * @returns false where the hypervisor has no buffer left for it (HV_STATUS_INSUFFICIENT_BUFFERS)
   */
  postMessage(target: SyntheticInterruptTarget, messageType: number, payload: Uint8Array): boolean;

  /** Sets an event flag of a child and interrupts it where the flag was clear. */
  signalEvent(target: SyntheticInterruptTarget, flag: number): void;
}

/** The guest-physical memory of children as the virtualization stack may use it: the pages that are mapped, by their rights. */
export interface ChildMemory {
  /** @returns false, with nothing read, where a page is not mapped readable */
  readChildMemory(partition: number, gpa: number, target: Uint8Array): boolean;

  /** @returns false, with nothing written, where a page is not mapped writable */
  writeChildMemory(partition: number, gpa: number, source: Uint8Array): boolean;
}
