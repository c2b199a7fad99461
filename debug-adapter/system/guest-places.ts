/** The places of a machine's guests: a guest can be taken out of its place, and be put there again as it was or anew. */
import type { Compressor } from '../backends/compressor';
import type { Hypervisor } from '../hypervisor/hypervisor';
import { restorePartitionMemory, savePartitionMemory } from '../hypervisor/partition.saved-state';
import type { Partition } from '../hypervisor/partition';
import { MemoryHash } from '../machine/memory-hash';
import { present } from '../support/assert';
import { StateHash } from '../support/state-hash';
import { StateRecord } from '../support/state-record';
import { encodeStateTree } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { hashGuestConfiguration } from './configuration-hash';
import { decodeGuestFile, encodeGuestFile, readGuestChunks, type SavedGuest } from './guest-file';
import type { GuestBoot } from './guest-boot';
import {
  ramOf,
  restoreGuestTree,
  saveGuestTree,
  saveRam,
  type GuestParts,
} from './guest.saved-state';
import type { MachineConfiguration } from './machine-configuration';
import type { MachineDisks } from './machine-disks';
import { restoreWithoutMemory, saveWithoutMemory, type MachineParts } from './machine.saved-state';

/** What the places are made of; guests, boots and disks in the order of the configuration. */
export interface GuestPlacesOptions {
  readonly configuration: MachineConfiguration;
  readonly hypervisor: Hypervisor;
  readonly parts: MachineParts;
  readonly boots: readonly GuestBoot[];
  readonly disks: MachineDisks;
  /** Absent where partitions are neither saved nor restored. */
  readonly compressor: Compressor | undefined;
}

/**
 * The memory, the processors and the devices of a place stay while its partition is gone, so that the machine's past is
 * still there: a checkpoint is put back as ever. What there is of a partition is made and taken apart by hypercalls of
 * its parent.
 */
export class GuestPlaces {
  private readonly hashes = new Map<number, string>();

  constructor(private readonly options: GuestPlacesOptions) {}

  /** @throws UserError where the guest is gone already */
  delete(id: number): void {
    const guest = this.find(id);
    if (guest.isDeleted) throw gone(guest);
    this.options.parts.parent.deleteGuest(id);
  }

  /** Starts a guest as at power-on that has ended or been deleted; its disks keep what it wrote. @throws UserError where it runs */
  start(id: number): void {
    const guest = this.find(id);
    if (!guest.isDeleted && guest.end === undefined) {
      throw new UserError(
        'guest-is-there',
        `"${guest.name}" runs already.`,
        'Delete it first, or let it end.',
      );
    }
    const { parts, hypervisor } = this.options;
    const { parent, loop } = parts;
    if (!guest.isDeleted) parent.deleteGuest(id);
    hypervisor.reusePlaceOf(id);
    parent.createGuestAgain(id);
    parent.connectGuest(id);
    present(this.options.boots[this.indexOf(guest)], 'boot of a guest').restart(guest, parent);
    loop.admit(guest);
  }

  /**
   * The guest as it stands, as the pieces of a file.
   * @throws UserError where it has ended or is gone
   */
  save(id: number): readonly Uint8Array[] {
    const guest = this.find(id);
    if (guest.isDeleted) throw gone(guest);
    if (guest.end !== undefined) {
      throw new UserError(
        'guest-ended',
        `"${guest.name}" has ended; there is nothing to save.`,
        'Step back to before its end.',
      );
    }
    const parts = this.partsOf(guest);
    const header = {
      name: guest.name,
      configurationHash: this.configurationHashOf(guest),
      momentNs: guest.time.at(parts.loop.latestTimeNs),
      ram: saveRam(guest),
    };
    const tree = {
      ...saveGuestTree(parts),
      round: parts.loop.roundOf(guest),
      overlays: parts.overlays.map((overlay) => overlay.save()),
    };
    return encodeGuestFile(guest, header, tree, this.compressor);
  }

  /** Reads a file and finds the guest that it is of. @throws UserError where there is none */
  guestOf(bytes: Uint8Array): number {
    const { header } = decodeGuestFile(bytes, this.compressor);
    const guest = this.options.parts.guests.find(
      (candidate) => this.configurationHashOf(candidate) === header.configurationHash,
    );
    if (guest === undefined) throw otherConfiguration(header.name);
    return guest.id;
  }

  /**
   * Puts a saved guest into its place; one that is there is deleted first.
   * @throws UserError, with nothing changed, where the file cannot be used
   */
  restore(id: number, bytes: Uint8Array): void {
    const guest = this.find(id);
    const saved = decodeGuestFile(bytes, this.compressor);
    if (saved.header.configurationHash !== this.configurationHashOf(guest)) {
      throw otherConfiguration(saved.header.name);
    }
    const { parts } = this.options;
    const before = saveWithoutMemory(parts);
    const memoryBefore = savePartitionMemory(guest);
    const overlaysBefore = this.overlaysOf(guest).map((overlay) => overlay.takeSnapshot());
    try {
      this.put(guest, saved);
    } catch (problem) {
      restorePartitionMemory(guest, new StateRecord(memoryBefore, 'memory'));
      this.overlaysOf(guest).forEach((overlay, index) =>
        overlay.restoreSnapshot(present(overlaysBefore[index], 'overlay')),
      );
      restoreWithoutMemory(parts, before);
      throw problem;
    } finally {
      for (const overlay of overlaysBefore) overlay.release();
    }
  }

  /** Hash of the guest's own state, which does not depend on the machine around it. */
  hash(id: number): string {
    const guest = this.find(id);
    const parts = this.partsOf(guest);
    const hash = new StateHash().update(encodeStateTree(saveGuestTree(parts)));
    new MemoryHash(guest.memory).addTo(hash);
    for (const overlay of parts.overlays) overlay.addTo(hash);
    return hash.digest();
  }

  private put(guest: Partition, saved: SavedGuest): void {
    const { parts, hypervisor } = this.options;
    const { tree, memory } = readGuestChunks(saved, guest, this.compressor);
    if (!guest.isDeleted) parts.parent.deleteGuest(guest.id);
    hypervisor.reusePlaceOf(guest.id);
    parts.parent.createGuestAgain(guest.id, ramOf(saved.header.ram));
    restorePartitionMemory(guest, memory);
    restoreGuestTree(this.partsOf(guest), tree, saved.header.momentNs);
  }

  private get compressor(): Compressor {
    return present(this.options.compressor, 'compressor for saved partitions');
  }

  private find(id: number): Partition {
    const guest = this.options.parts.guests.find((candidate) => candidate.id === id);
    if (guest !== undefined) return guest;
    throw new UserError('no-such-partition', `There is no guest partition ${id}.`);
  }

  private indexOf(guest: Partition): number {
    return this.options.parts.guests.indexOf(guest);
  }

  private overlaysOf(guest: Partition): GuestParts['overlays'] {
    const disks = present(this.options.disks.guests[this.indexOf(guest)], 'disks of a guest');
    return disks.all.map(({ disk }) => disk.overlay);
  }

  private partsOf(partition: Partition): GuestParts {
    const { parent, loop } = this.options.parts;
    return { partition, parent, loop, overlays: this.overlaysOf(partition) };
  }

  /** Large images take their time, and most runs never ask. */
  private configurationHashOf(guest: Partition): string {
    const known = this.hashes.get(guest.id);
    if (known !== undefined) return known;
    const { configuration, disks } = this.options;
    const index = this.indexOf(guest);
    const of = present(configuration.guests[index], 'configuration of a guest');
    const hash = hashGuestConfiguration(of, configuration.costs, disks.hashImagesOf(index));
    this.hashes.set(guest.id, hash);
    return hash;
  }
}

function gone({ name }: Partition): UserError {
  return new UserError(
    'guest-deleted',
    `"${name}" has been deleted.`,
    'Restore it from a file, start it again, or step back to before its end.',
  );
}

function otherConfiguration(name: string): UserError {
  return new UserError(
    'saved-partition-other-configuration',
    `The saved partition "${name}" is of a guest with another configuration or another image.`,
    'Start the session with the guest as it was when the partition was saved.',
  );
}
