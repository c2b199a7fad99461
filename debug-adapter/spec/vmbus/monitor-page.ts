/**
 * The page by which a guest signals channels without a hypercall, and by which a parent could signal a guest (Linux
 * include/asm-generic/hyperv-tlfs.h, struct hv_monitor_page). It is polled.
 */

/** Monitors of a page, by their number: four groups of 32. */
export const monitorCount = 128;
export const monitorsOfGroup = 32;

/** Offsets of the parts, and bytes of an element where they are lists. */
export const monitorPage = {
  /** u32; the low four bits enable the groups. */
  triggerState: 0,
  /** For each group u32 pending, which the sender sets bits of, and u32 armed. */
  triggerGroups: { offset: 8, elementBytes: 8 },
  /** u16 for each monitor, in units of 100 ns. */
  latencies: { offset: 0x240, elementBytes: 2 },
  /** For each monitor u32 connection, u16 flag number, u16 reserved. */
  parameters: { offset: 0x440, elementBytes: 8 },
} as const;

/** Unit of {@link monitorPage} latencies. */
export const monitorLatencyUnitNs = 100;
