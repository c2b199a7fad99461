/** The disks of a guest: their images, what is written over them, and the controllers by which the guest reaches them. */
import type { BlockFiles } from '../backends/block-source';
import type { PageStore } from '../machine/page-store';
import { ScsiDisk } from '../parent-partition/service-providers/storage/scsi-disk';
import {
  StorageController,
  type DiskLatency,
  type LogicalUnit,
} from '../parent-partition/service-providers/storage/storage-controller';
import { openDiskImage } from '../parent-partition/virtual-disks/open-image';
import { VirtualDisk } from '../parent-partition/virtual-disks/virtual-disk';
import type { ChannelOffer, ServiceProvider } from '../parent-partition/vmbus/provider';
import { deviceClassByName } from '../spec/vmbus/device-classes';
import { channelFlag } from '../spec/vmbus/messages';
import { ideOfferArea } from '../spec/vmbus/storage';
import { present } from '../support/assert';
import { structWriter } from '../support/struct-layout';
import { UserError } from '../support/user-error';
import { formatOf } from './boot/guest-format';
import { limits } from './limits';
import type { DiskConfiguration, GuestConfiguration } from './machine-configuration';

const instanceOfScsi = '2d6a7ab1-4f9c-4e0e-8a4b-7f1c5d3e9a00';
const locations = { scsi: limits.guestDisks, ide: 4 } as const;
const drivesOfIdeChannel = 2;
/** Bit 1: the channel is of an IDE drive. */
const isIdeDrive = 2n;

/** One disk, where it is, and whether the guest has it. */
export interface GuestDisk {
  readonly path: string;
  readonly controller: DiskConfiguration['controller'];
  readonly location: number;
  readonly disk: VirtualDisk;
  readonly device: StorageController;
}

/** What disks are made with. */
export interface DiskServices {
  /** Absent where there are no files. */
  readonly blockFiles: BlockFiles | undefined;
  /** Keeps what guests write. */
  readonly pages: PageStore;
  readonly latency: DiskLatency;
  /** Told of a disk that takes no more writes. */
  onFull(path: string): void;
}

/** The disks of one guest, in the order of its configuration. */
export class GuestDisks {
  readonly all: readonly GuestDisk[];
  /** Controllers, to be put on the guest's bus. */
  readonly providers: readonly ServiceProvider[];

  /** @throws UserError where an image cannot be used, or two disks are in one place */
  constructor(guest: GuestConfiguration, services: DiskServices) {
    const placed = placeDisks(guest).map((configuration) => ({
      ...configuration,
      disk: openDisk(configuration, services),
    }));
    const { processorCount = 1 } = guest;
    const scsi = placed.filter(({ controller }) => controller === 'scsi');
    const shared = { latency: services.latency };
    const ofScsi =
      scsi.length === 0
        ? undefined
        : new StorageController({
            ...shared,
            name: 'scsi',
            offer: { classId: classId('scsi'), instanceId: instanceOfScsi, flags: 0 },
            units: scsi.map(unitOf),
            subChannelsMaximum: Math.min(processorCount - 1, limits.storageSubChannels),
            hasOneDrive: false,
          });
    this.all = placed.map(({ path, controller, location, disk, isAttached }) => ({
      ...{ path, controller, location, disk },
      device:
        controller === 'scsi'
          ? present(ofScsi, 'SCSI controller')
          : new StorageController({
              ...shared,
              name: `ide ${location}`,
              offer: offerOfIde(location),
              units: [{ lun: 0, unit: new ScsiDisk(disk), isAttachedAtStart: isAttached ?? true }],
              subChannelsMaximum: 0,
              hasOneDrive: true,
            }),
    }));
    this.providers = [...new Set(this.all.map(({ device }) => device))];
  }

  /**
   * Puts a disk in, or takes it out.
   * @param index in the order of the configuration
   * @throws UserError, with nothing changed, where there is no such disk, or it cannot be moved
   */
  setAttached(index: number, isAttached: boolean): void {
    const found = this.all[index];
    if (found === undefined) {
      throw new UserError('no-such-disk', `The guest has no disk ${index}.`);
    }
    if (found.controller === 'ide') {
      throw new UserError(
        'disk-not-removable',
        `The disk ${index} is an IDE drive, which stays where it is.`,
        'Use the controller "scsi" for disks that come and go.',
      );
    }
    found.device.setAttached(found.location, isAttached);
  }
}

type PlacedDisk = DiskConfiguration & { readonly location: number };

/** Gives every disk its place. @throws UserError where it is taken, or does not exist */
function placeDisks(guest: GuestConfiguration): readonly PlacedDisk[] {
  const { name, disks = [], vmbus = true } = guest;
  if (disks.length > limits.guestDisks) {
    throw new UserError(
      'disk-count',
      `The guest "${name}" cannot have ${disks.length} disks.`,
      `Give it up to ${limits.guestDisks}.`,
    );
  }
  const hasBus = vmbus && formatOf(guest) !== 'sample-guest';
  if (disks.length > 0 && !hasBus) {
    throw new UserError(
      'disk-without-bus',
      `The guest "${name}" cannot have disks: it has no VMBus.`,
      'Leave "disks" out; only a sample guest and one with "vmbus": false have no bus.',
    );
  }
  const placeOf = (controller: string, location: number): string => `${controller} ${location}`;
  const taken = new Set(
    disks.flatMap(({ controller, location }) =>
      location === undefined ? [] : [placeOf(controller, location)],
    ),
  );
  const used = new Set<string>();
  return disks.map((disk) => {
    const { controller } = disk;
    let location = disk.location ?? 0;
    while (disk.location === undefined && taken.has(placeOf(controller, location))) location++;
    const place = placeOf(controller, location);
    const exists = Number.isInteger(location) && location >= 0 && location < locations[controller];
    if (!exists || used.has(place)) {
      const why = exists ? 'has a disk already' : 'does not exist';
      throw new UserError(
        'disk-location',
        `The disk "${disk.path}" of the guest "${name}" cannot be at location ${location} of the controller "${controller}", which ${why}.`,
        `Locations go from 0 to ${locations[controller] - 1}.`,
      );
    }
    used.add(place);
    taken.add(place);
    return { ...disk, location };
  });
}

function openDisk(
  { path, isReadOnly = false, writtenBytesMaximum }: DiskConfiguration,
  services: DiskServices,
): VirtualDisk {
  const { blockFiles, pages } = services;
  const image = openDiskImage(path, present(blockFiles, 'files for the images of disks'));
  return new VirtualDisk({
    ...{ image, isReadOnly, pages },
    overlayBytesMaximum: writtenBytesMaximum ?? limits.diskOverlayBytes,
    onFull: () => services.onFull(path),
  });
}

function unitOf({
  location,
  disk,
  isAttached = true,
}: PlacedDisk & { disk: VirtualDisk }): LogicalUnit {
  return { lun: location, unit: new ScsiDisk(disk), isAttachedAtStart: isAttached };
}

function classId(name: string): string {
  return present(deviceClassByName.get(name), `class ${name}`).guid;
}

/** Linux takes the number of the drive from the second field of the instance. */
function offerOfIde(location: number): ChannelOffer {
  const channel = Math.floor(location / drivesOfIdeChannel);
  const drive = location % drivesOfIdeChannel;
  const userDefined = new Uint8Array(ideOfferArea.sizeBytes);
  const write = structWriter(ideOfferArea, userDefined);
  write('PathId', BigInt(channel));
  write('TargetId', BigInt(drive));
  write('Flags', isIdeDrive);
  const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0');
  return {
    classId: classId('ide'),
    instanceId: `${digits(channel, 8)}-${digits(drive, 4)}-8899-0000-000000000000`,
    flags: channelFlag.enumerateDeviceInterface,
    userDefined,
  };
}
