/** Chooses the loader for a guest's format, and gives guests that look for them their ACPI tables. */
import type { Decompressor } from '../../backends/decompressor';
import { rsdp } from '../../spec/pc/acpi';
import { buildAcpiTables } from '../acpi/build-acpi-tables';
import type { GuestConfiguration, GuestFormat } from '../machine-configuration';
import type { BootPlan } from './boot-plan';
import type { BootServices } from './boot-services';
import { planFlatImage } from './flat-image';
import { imageError } from './image-error';
import { planLinuxKernel } from './linux-kernel';
import { ramRanges } from './memory-map';
import { findMultibootHeader } from './multiboot-header';
import { planMultibootKernel } from './multiboot-kernel';
import { planMultiboot2Kernel } from './multiboot2-kernel';
import { planPvhKernel } from './pvh-kernel';
import { planSampleGuest } from './sample-guest-entry';

/**
 * Works out what goes into the memory and the first processor of a guest.
 * @param decompressor without it, a compressed kernel can only unpack itself
 * @throws UserError that names what cannot be loaded
 */
export function planGuest(
  guest: GuestConfiguration,
  format: GuestFormat,
  decompressor: Decompressor | undefined,
): BootPlan {
  if (format === 'sample-guest') return planSampleGuest(guest);
  const { memoryBytes, processorCount = 1, vmbus: hasVmbus = true } = guest;
  const memory = ramRanges(format, memoryBytes);
  const { rsdpGpa, pages } = buildAcpiTables({
    processorCount,
    lowMemoryEnd: memoryBytes,
    memory,
    hasVmbus,
  });
  const root = pages.find(({ gpa }) => gpa === rsdpGpa)?.bytes ?? new Uint8Array(0);
  const plan = planKernel(guest, format, {
    decompressor,
    acpiRootPointer: { gpa: rsdpGpa, bytes: root.subarray(0, rsdp.sizeBytes) },
  });
  return { ...plan, pieces: [...plan.pieces, ...pages] };
}

function planKernel(
  guest: GuestConfiguration,
  format: Exclude<GuestFormat, 'sample-guest'>,
  services: BootServices,
): BootPlan {
  switch (format) {
    case 'linux':
      return planLinuxKernel(guest, services);
    case 'pvh':
      return planPvhKernel(guest, services);
    case 'multiboot':
      return planMultiboot(guest, services);
    case 'flat':
      return planFlatImage(guest);
  }
}

function planMultiboot(guest: GuestConfiguration, services: BootServices): BootPlan {
  const header = findMultibootHeader(guest.image.bytes);
  if (header === undefined) {
    const hint = 'Set "format" to what the image is, or leave it out.';
    throw imageError(guest.image, 'no-multiboot-header', 'has no multiboot header', hint);
  }
  return header.version === 1
    ? planMultibootKernel(guest, header.offset)
    : planMultiboot2Kernel(guest, header.offset, services);
}
