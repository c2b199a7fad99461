/** Names everything that decides what a machine or a guest does, so that a saved state meets only what it is of. */
import { StateHash } from '../support/state-hash';
import { encodeUtf8 } from '../support/utf8';
import type { GuestConfiguration, MachineConfiguration } from './machine-configuration';
import type { VirtualTimeCosts } from './virtual-time-costs';

/** @param images name of the contents of all images of disks */
export function hashConfiguration(configuration: MachineConfiguration, images: string): string {
  const { guests, costs, randomSeed = 0n, logicalProcessors = 0 } = configuration;
  const hash = new StateHash().update(encodeUtf8(images));
  for (const guest of guests) addGuest(hash, guest);
  return hash
    .update(encodeUtf8(`${JSON.stringify(costs)}\n${randomSeed}\n${logicalProcessors}`))
    .digest();
}

/**
 * Of a guest that goes on among others: what they are does not matter, nor what its random numbers began with.
 * @param images name of the contents of the images of its disks
 */
export function hashGuestConfiguration(
  guest: GuestConfiguration,
  costs: VirtualTimeCosts,
  images: string,
): string {
  const hash = new StateHash().update(encodeUtf8(images));
  addGuest(hash, guest);
  return hash.update(encodeUtf8(JSON.stringify(costs))).digest();
}

function addGuest(hash: StateHash, { image, initrd, disks = [], ...values }: GuestConfiguration) {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(encodeUtf8(JSON.stringify(sorted)));
  hash.update(image.bytes).update(initrd?.bytes ?? new Uint8Array(0));
  const ofDisks = disks.map(({ isAttached, writtenBytesMaximum }) => [
    isAttached,
    writtenBytesMaximum,
  ]);
  hash.update(encodeUtf8(JSON.stringify(ofDisks)));
}
