/** Checkpoints of a machine: the state of its components, and snapshots of memories and disks that share unchanged pages. */
import { MemorySnapshot } from '../machine/memory-snapshot';
import type { PageStore } from '../machine/page-store';
import type { OverlaySnapshot } from '../parent-partition/virtual-disks/disk-overlay';
import { equalBytes } from '../support/equal-bytes';
import { present } from '../support/assert';
import { restoreWithoutMemory, saveWithoutMemory, type MachineParts } from './machine.saved-state';

/** One moment of a machine, kept in memory. {@link releaseCheckpoint} when it is not needed any more. */
export interface MachineCheckpoint {
  readonly position: number;
  readonly timeNs: number;
  /** Inputs accepted before it. */
  readonly inputCount: number;
  readonly components: Uint8Array;
  readonly memories: readonly MemorySnapshot[];
  readonly overlays: readonly OverlaySnapshot[];
}

/**
 * Takes a checkpoint; no guest can tell.
 * @param base a recent checkpoint of the same machine: what did not change since is shared with it
 */
export function takeCheckpoint(
  parts: MachineParts,
  inputCount: number,
  store: PageStore,
  base?: MachineCheckpoint,
): MachineCheckpoint {
  return {
    position: parts.loop.position,
    timeNs: parts.loop.latestTimeNs,
    inputCount,
    components: saveWithoutMemory(parts),
    memories: parts.guests.map(({ memory }, index) =>
      MemorySnapshot.take(memory, store, base?.memories[index]),
    ),
    overlays: parts.overlays.map((overlay) => overlay.takeSnapshot()),
  };
}

/** Puts the machine back, without its inputs. */
export function restoreCheckpoint(parts: MachineParts, checkpoint: MachineCheckpoint): void {
  parts.guests.forEach(({ memory }, index) => {
    present(checkpoint.memories[index], 'memory of a checkpoint').restore(memory);
  });
  parts.overlays.forEach((overlay, index) => {
    overlay.restoreSnapshot(present(checkpoint.overlays[index], 'disk of a checkpoint'));
  });
  restoreWithoutMemory(parts, checkpoint.components);
}

/**
 * Compares the machine with a checkpoint of the same position, byte by byte.
 * @returns what differs, in words; undefined where nothing does
 */
export function compareWithCheckpoint(
  parts: MachineParts,
  checkpoint: MachineCheckpoint,
): string | undefined {
  const { position, latestTimeNs } = parts.loop;
  if (position !== checkpoint.position) return `position ${position}`;
  if (latestTimeNs !== checkpoint.timeNs) return `virtual time ${latestTimeNs}`;
  if (!equalBytes(saveWithoutMemory(parts), checkpoint.components)) {
    return 'the state of a processor or device';
  }
  for (const [index, { memory, name }] of parts.guests.entries()) {
    const frame = present(checkpoint.memories[index], 'memory of a checkpoint').compare(memory);
    if (frame !== undefined) return `frame ${frame} of "${name}"`;
  }
  for (const [index, overlay] of parts.overlays.entries()) {
    const page = overlay.compare(present(checkpoint.overlays[index], 'disk of a checkpoint'));
    if (page !== undefined) return `page ${page} of disk ${index}`;
  }
  return undefined;
}

/** Lets go of what only this checkpoint holds. */
export function releaseCheckpoint({ memories, overlays }: MachineCheckpoint): void {
  for (const memory of memories) memory.release();
  for (const overlay of overlays) overlay.release();
}
