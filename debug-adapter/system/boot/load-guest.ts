/** Chooses the loader for a guest's format. */
import type { GuestConfiguration, GuestFormat } from '../machine-configuration';
import type { BootPlan } from './boot-plan';
import { planFlatImage } from './flat-image';
import { imageError } from './image-error';
import { planLinuxKernel, type BootServices } from './linux-kernel';
import { findMultibootHeader } from './multiboot-header';
import { planMultibootKernel } from './multiboot-kernel';
import { planMultiboot2Kernel } from './multiboot2-kernel';
import { planPvhKernel } from './pvh-kernel';
import { planSampleGuest } from './sample-guest-entry';

/**
 * Works out what goes into the memory and the first processor of a guest.
 * @throws UserError that names what cannot be loaded
 */
export function planGuest(
  guest: GuestConfiguration,
  format: GuestFormat,
  services: BootServices,
): BootPlan {
  switch (format) {
    case 'sample-guest':
      return planSampleGuest(guest);
    case 'linux':
      return planLinuxKernel(guest, services);
    case 'pvh':
      return planPvhKernel(guest, services);
    case 'multiboot':
      return planMultiboot(guest);
    case 'flat':
      return planFlatImage(guest);
  }
}

function planMultiboot(guest: GuestConfiguration): BootPlan {
  const header = findMultibootHeader(guest.image.bytes);
  if (header === undefined) {
    const hint = 'Set "format" to what the image is, or leave it out.';
    throw imageError(guest.image, 'no-multiboot-header', 'has no multiboot header', hint);
  }
  return header.version === 1
    ? planMultibootKernel(guest, header.offset)
    : planMultiboot2Kernel(guest, header.offset);
}
