/** Every limit of the machine in one place, with what happens there. */

export const limits = {
  /** Guest partitions of a machine; more are refused with a message. */
  guests: 8,
  /** RAM of a guest: enough for boot structures and a stack; at most what 32-bit addresses of a code space leave. */
  guestMemoryBytesMinimum: 2 * 1024 * 1024,
  guestMemoryBytesMaximum: 3584 * 1024 * 1024,
  /** RAM of a sample guest: the gigabyte that its page tables map; more is refused with a message. */
  sampleGuestMemoryBytesMaximum: 1024 * 1024 * 1024,
  /** Virtual processors of a guest; more are refused with a message. */
  guestProcessors: 64,
  /** Disks of a guest; more are refused with a message. */
  guestDisks: 64,
  /** Bytes kept of what a guest writes to one disk; writes that need more fail, and the guest is told why. */
  diskOverlayBytes: 1024 * 1024 * 1024,
  /** Channels of a storage controller besides its first. */
  storageSubChannels: 63,
  /** Bytes of a guest's command line with its final zero; a longer one is refused. */
  commandLineBytes: 2048,
  /** Program headers that the ELF loader reads; an image with more is refused. */
  programHeaders: 64,
  /** Notes of an ELF file that are looked at; the others are ignored. */
  elfNotes: 1024,
  /** Bytes to which a compressed kernel may unpack; one with more is refused. */
  unpackedKernelBytes: 512 * 1024 * 1024,
  /** Steps without progress after which the machine stops and says so. */
  stepsWithoutProgress: 100_000,
  /** Virtual time by which timers may be late, far above a turn and an exit: the file of a guest may say so. */
  missedTimersNs: 10_000_000,
  /** Steps of one call into a processor; longer runs are several calls. */
  stepsPerCall: 1_000_000,
  /** Rows kept of each kind of trace event; the oldest are dropped and counted. */
  traceExits: 65_536,
  traceOther: 16_384,
  /** Rows kept of packets in VMBus rings and of signals for them, which are as frequent. */
  traceVmbusPackets: 524_288,
  traceVmbusSignals: 524_288,
  /** Bytes kept of the input and the output of a hypercall; longer ones are cut. */
  traceHypercallInputBytes: 80,
  traceHypercallOutputBytes: 16,
  /** Bytes kept of the name of an overlay page. */
  traceOverlayNameBytes: 24,
  /** Bytes kept of all packets together; the oldest are dropped and counted, as if there were no more rows. */
  traceVmbusPacketsBytes: 160 * 1024 * 1024,
  /** Bytes kept of a packet, the largest of a disk whole, and of a text that says why one was refused; longer ones are cut. */
  tracePacketBytes: 16_384,
  traceReasonBytes: 96,
  /** Crash reports kept, and bytes of a report's message: a page, as the TLFS has it. */
  traceCrashes: 64,
  traceCrashTextBytes: 4096,
  /** Bytes of text kept of an input in the trace; longer ones are cut. */
  traceInputTextBytes: 96,
  /** Bytes of a saved machine that is read back; a larger file is refused. */
  savedFileBytes: 2 * 1024 * 1024 * 1024 - 1,
  /** Inputs that one machine accepts; more are refused with a message. */
  inputs: 1_000_000,
  /**
   * Checkpoints of a timeline, and bytes of pages that they hold together. Beyond either the one that is missed least
   * is dropped: travelling to its surroundings takes longer then. The first one and the newest stay in any case.
   */
  checkpoints: 256,
  checkpointBytes: 768 * 1024 * 1024,
  /** Abandoned branches that a timeline keeps; the oldest is dropped with a note. */
  branches: 64,
} as const;
