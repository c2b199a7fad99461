/** Launch arguments of one guest partition: what it is made of, and how its kernel is loaded. */
import * as z from 'zod';
import { UserError } from '../support/user-error';
import { parseMemorySize, parseWriteLimit } from './memory-size';

const formats = ['auto', 'sample-guest', 'linux', 'pvh', 'multiboot', 'flat'] as const;
const vmbusVersions = ['2.4', '3.0', '4.0', '4.1', '5.0', '5.1', '5.2', '5.3', '6.0'] as const;
const modes = ['real', 'protected', 'long'] as const;

const flatSchema = z
  .strictObject({
    address: z
      .union([z.int(), z.string()])
      .describe('Guest-physical address of the first byte, which is executed first: "0x7c00".'),
    mode: z.enum(modes).default('real').describe('Mode of the processor at the first byte.'),
  })
  .describe('Where a flat image goes; by default to 0x7c00 in real mode, as a boot sector.');

const percentSchema = z.number().min(0).max(100);

const shareSchema = z
  .strictObject({
    weight: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Share of each virtual processor relative to others that wait.'),
    cap: percentSchema
      .min(1)
      .default(100)
      .describe('Most that each virtual processor may have of a logical one, in percent.'),
    reserve: percentSchema
      .default(0)
      .describe('Least that each virtual processor gets of a logical one, in percent.'),
  })
  .describe('What the scheduler of the hypervisor gives the virtual processors of the guest.');

const memorySchema = z
  .union([z.number(), z.string()])
  .describe(
    'RAM of the guest: a number of MiB, or a text such as "64M" or "1G", up to 3.5G. By default a sample guest has 64 MiB, a kernel 512 MiB.',
  );

const diskSchema = z
  .strictObject({
    path: z.string().min(1).describe('Path of the image: raw, VHD or VHDX. It is never written.'),
    controller: z
      .enum(['scsi', 'ide'])
      .default('scsi')
      .describe('The synthetic SCSI controller, or the accelerator of an IDE drive.'),
    location: z
      .int()
      .min(0)
      .max(63)
      .optional()
      .describe(
        'Logical unit number, or number of the IDE drive; by default the first that is free.',
      ),
    readOnly: z.boolean().default(false).describe('The guest may not write to the disk.'),
    writeLimit: z
      .union([z.number(), z.string()])
      .optional()
      .describe(
        'Most that is kept in memory of what the guest writes to the disk: a number of MiB, or a text such as "256M" or "4G", from 1M to 64G; by default 1G. Where it is reached the debugger stops, and the guest is told that the disk is full.',
      ),
    attached: z
      .boolean()
      .default(true)
      .describe('False for a disk of the SCSI controller that is put in while the guest runs.'),
  })
  .describe('A disk of the guest.');

/** The schema's part. */
export const guestSchema = {
  program: z
    .string()
    .describe(
      'Path of the guest: a program in the manner of the sample guests, a Linux kernel (vmlinuz or vmlinux), a PVH or multiboot kernel, or a flat image.',
    ),
  format: z
    .enum(formats)
    .default('auto')
    .describe('What the guest is; "auto" looks at its content. "flat" has to be said.'),
  initrd: z
    .string()
    .optional()
    .describe('Path of an initial RAM disk; a multiboot kernel gets it as its module.'),
  unpack: z
    .enum(['host', 'guest'])
    .default('host')
    .describe(
      'Who unpacks a compressed Linux kernel: Hyperscope, which is quick and puts it at its preferred address, or the code in front of the kernel itself.',
    ),
  symbols: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Paths of files with symbols of the kernel: vmlinux with symbols, or System.map.'),
  flat: flatSchema.optional(),
  bootTime: z
    .string()
    .optional()
    .describe(
      'What the clock of the guest says at power-on: "2026-01-01T00:00:00Z", which is the default.',
    ),
  disks: z
    .array(z.union([z.string(), diskSchema]))
    .max(64)
    .optional()
    .describe(
      'Disks of the guest, each as its path or as an object. They are on VMBus. What the guest writes is kept in memory and belongs to the state of the machine.',
    ),
  memory: memorySchema.optional(),
  processors: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Virtual processors of the guest partition.'),
  la57: z.boolean().default(false).describe('Whether CPUID offers 5-level paging (LA57).'),
  share: shareSchema.optional(),
  onReset: z
    .enum(['restart', 'end'])
    .default('restart')
    .describe(
      "What a reset of the guest's machine does: the guest boots again, or that is its end.",
    ),
  onTripleFault: z
    .enum(['stop', 'reset'])
    .default('stop')
    .describe(
      "What a triple fault of the guest does: it stops the debugger, or resets the guest's machine as a board does.",
    ),
  vmbus: z
    .boolean()
    .default(true)
    .describe(
      'Whether a guest that is a kernel finds VMBus with its synthetic devices and integration components.',
    ),
  vmbusVersion: z
    .enum(vmbusVersions)
    .default('5.3')
    .describe('Newest version of VMBus that the guest may ask for.'),
  vmbusMonitor: z
    .number()
    .int()
    .min(10)
    .max(6000)
    .optional()
    .describe(
      'Microseconds between two looks at the monitor page, by which the guest then signals its integration components instead of by hypercalls; by default there is none.',
    ),
  commandLine: z
    .string()
    .max(2047)
    .default('')
    .describe('Command line of the kernel; a sample guest finds it in its boot information.'),
};

/** What a person may write. */
export type GuestArguments = z.output<z.ZodObject<typeof guestSchema>>;

/** The same, complete and in units of the machine. */
export interface GuestSettings {
  readonly program: string;
  readonly partitionName: string;
  /** Undefined for what suits the format. */
  readonly memoryBytes: number | undefined;
  readonly processors: number;
  readonly commandLine: string;
  readonly share: z.output<typeof shareSchema> | undefined;
  readonly onReset: 'restart' | 'end';
  readonly onTripleFault: 'stop' | 'reset';
  readonly format: (typeof formats)[number];
  readonly initrd: string | undefined;
  readonly unpack: 'host' | 'guest';
  readonly symbols: readonly string[];
  readonly flat: { readonly address: number; readonly mode: (typeof modes)[number] } | undefined;
  /** Seconds since 1970-01-01 00:00:00 UTC. */
  readonly bootTime: number | undefined;
  readonly vmbus: boolean;
  /** Whether CPUID offers 5-level paging. */
  readonly la57: boolean;
  /** major << 16 | minor. */
  readonly vmbusVersion: number;
  /** Undefined where there is no monitored notification. */
  readonly vmbusMonitorNs: number | undefined;
  readonly disks: readonly DiskSettings[];
}

/** A disk, complete. */
export interface DiskSettings {
  readonly path: string;
  readonly controller: 'scsi' | 'ide';
  /** Undefined for the first place that is free. */
  readonly location: number | undefined;
  readonly isReadOnly: boolean;
  readonly isAttached: boolean;
  /** Most that is kept of what the guest writes; undefined for the limit of the machine. */
  readonly writtenBytesMaximum: number | undefined;
}

function diskSettings(given: NonNullable<GuestArguments['disks']>[number]): DiskSettings {
  const { path, controller, location, readOnly, attached, writeLimit } =
    typeof given === 'string' ? diskSchema.parse({ path: given }) : given;
  return {
    ...{ path, controller, location },
    isReadOnly: readOnly,
    isAttached: attached,
    writtenBytesMaximum: writeLimit === undefined ? undefined : parseWriteLimit(writeLimit),
  };
}

function wrong(name: string, problem: string, hint: string): UserError {
  const message = `The launch argument "${name}" is ${problem}.`;
  return new UserError(`launch-argument-${name}`, message, hint);
}

function parseAddress(text: number | string): number {
  const isNumber = typeof text === 'number' || /^(\d+|0x[\da-f]+)$/i.test(text);
  const number = isNumber ? Number(text) : NaN;
  if (Number.isInteger(number) && number >= 0 && number < 2 ** 32) return number;
  throw wrong(
    'flat',
    `for the address "${text}", which is none below 4 GiB`,
    'Write a number, or a text such as "0x7c00".',
  );
}

const lastTime = 2 ** 32;

function parseTime(text: string): number {
  const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
  const seconds = isoPattern.test(text) ? Math.floor(Date.parse(text) / 1000) : NaN;
  if (seconds >= 0 && seconds < lastTime) return seconds;
  throw wrong(
    'bootTime',
    `"${text}", which is no time from 1970 to 2106`,
    'Write it as "2026-01-01T00:00:00Z".',
  );
}

function parseVersion(text: string): number {
  const [major = '', minor = ''] = text.split('.');
  return (Number(major) << 16) | Number(minor);
}

/** What a partition is called by default. */
export function nameOfProgram(path: string): string {
  const file = path.split(/[\\/]/).at(-1) ?? path;
  const stem = file.replace(/\.[A-Za-z0-9]+$/, '');
  return stem === '' ? 'guest' : stem;
}

/**
 * Completes the arguments.
 * @param name of the partition; by default that of the program
 * @throws UserError that names the argument
 */
export function guestSettings(given: GuestArguments, name: string | undefined): GuestSettings {
  const { format, initrd, unpack, symbols = [], flat, bootTime, disks = [] } = given;
  if (flat !== undefined && format !== 'flat') {
    throw wrong('flat', 'only for a flat image', 'Set "format" to "flat" too.');
  }
  const { program, memory, processors, commandLine, onReset, onTripleFault, vmbus } = given;
  const { share, la57 } = given;
  if (share !== undefined && share.reserve > share.cap) {
    throw wrong('share', 'with a reserve beyond its cap', 'Lower "reserve", or raise "cap".');
  }
  return {
    program,
    partitionName: name ?? nameOfProgram(program),
    memoryBytes: memory === undefined ? undefined : parseMemorySize(memory),
    processors,
    commandLine,
    share,
    onReset,
    onTripleFault,
    format,
    initrd,
    unpack,
    symbols: typeof symbols === 'string' ? [symbols] : symbols,
    flat: flat && { address: parseAddress(flat.address), mode: flat.mode },
    bootTime: bootTime === undefined ? undefined : parseTime(bootTime),
    vmbus,
    la57,
    vmbusVersion: parseVersion(given.vmbusVersion),
    vmbusMonitorNs: given.vmbusMonitor === undefined ? undefined : given.vmbusMonitor * 1000,
    disks: disks.map(diskSettings),
  };
}
