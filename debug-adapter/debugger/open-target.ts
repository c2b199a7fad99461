/** Opens a guest under the debugger: reads its files, builds the machine, finds its symbols. */
import type { BlockFiles } from '../backends/block-source';
import { RememberingDecompressor, type Decompressor } from '../backends/decompressor';
import type { AssemblySyntax } from '../backends/disassembler';
import type { CodeHost } from '../machine/code-space';
import { isBzImage, readBzImage } from '../system/boot/bz-image';
import { formatOf } from '../system/boot/guest-format';
import { unpackKernel } from '../system/boot/kernel-payload';
import {
  type FlatPlacement,
  type GuestConfiguration,
  type GuestFormat,
  type ImageFile,
} from '../system/machine-configuration';
import { PhysicalMachine } from '../system/physical-machine';
import { defaultCosts } from '../system/virtual-time-costs';
import { Timeline } from '../timeline/timeline';
import { GuestPrograms } from './guest-programs';
import { MachineControl, type DebuggerPorts, type DebugTarget } from './machine-control';
import { HeadlessRun } from './headless-run';
import { openProgram, readGuestFile } from './program';
import {
  readSavedPartition,
  saveTarget,
  writeSavedMachine,
  type SavedMachine,
  type SavePorts,
} from './saved-machine';
import type { SourcePathRule } from './symbols/source-paths';

/** A disk of a guest that is to be run. */
export interface GuestDiskTarget {
  readonly path: string;
  readonly controller: 'scsi' | 'ide';
  /** Undefined for the first place that is free. */
  readonly location: number | undefined;
  readonly isReadOnly: boolean;
  readonly isAttached: boolean;
  /** Undefined for the limit of the machine. */
  readonly writtenBytesMaximum: number | undefined;
}

/** One guest that is to be run. */
export interface GuestTarget {
  readonly program: string;
  readonly partitionName: string;
  /** Undefined for what suits the format. */
  readonly memoryBytes: number | undefined;
  readonly processors: number;
  readonly commandLine: string;
  readonly share: GuestConfiguration['share'];
  readonly onReset: 'restart' | 'end';
  readonly onTripleFault: 'stop' | 'reset';
  readonly format: GuestFormat | 'auto';
  readonly initrd: string | undefined;
  readonly unpack: 'host' | 'guest';
  readonly flat: FlatPlacement | undefined;
  readonly bootTime: number | undefined;
  readonly la57: boolean;
  readonly vmbus: boolean;
  /** Newest version of VMBus, major << 16 | minor. */
  readonly vmbusVersion: number;
  readonly vmbusMonitorNs: number | undefined;
  readonly disks: readonly GuestDiskTarget[];
  /** Files with symbols, instead of the program's own. */
  readonly symbols: readonly string[];
}

/** What is to be run. */
export interface TargetSettings {
  readonly guests: readonly GuestTarget[];
  readonly logicalProcessors: number | undefined;
  readonly sourceMap: readonly SourcePathRule[];
  readonly disassemblySyntax: AssemblySyntax;
  readonly isPaced: boolean;
}

/** How a machine begins, where that is not at power-on. */
export interface TargetBeginning {
  /** False for a machine that nobody will take back in time. */
  readonly keepsPast?: boolean;
  /** The launch arguments, for a file that the machine is saved to. */
  readonly origin?: object;
  readonly saved?: SavedMachine | undefined;
}

/** Services of the host, among them the one that runs generated code. */
export interface TargetPorts extends DebuggerPorts, SavePorts {
  readonly codeHost: CodeHost;
  readonly decompressor: Decompressor;
  readonly blockFiles: BlockFiles;
}

const mebibyte = 1024 * 1024;
const sampleGuestMemoryBytes = 64 * mebibyte;
const kernelMemoryBytes = 512 * mebibyte;

const initrdRole = { id: 'initrd', argument: 'initrd', hint: 'Check "initrd".' };

/** Reads the files of a guest. @throws UserError where one cannot be read */
function configureGuest(settings: GuestTarget, ports: TargetPorts): GuestConfiguration {
  const { program, partitionName, initrd, flat, bootTime, disks } = settings;
  const { processors, commandLine, unpack, onReset, onTripleFault } = settings;
  const { vmbus, vmbusVersion, vmbusMonitorNs, share, la57 } = settings;
  const image = { path: program, bytes: readGuestFile(program, ports.files) };
  const format = formatOf({ image, format: settings.format });
  const usual = format === 'sample-guest' ? sampleGuestMemoryBytes : kernelMemoryBytes;
  const initrdFile = initrd === undefined ? undefined : readInitrd(initrd, ports);
  return {
    name: partitionName,
    memoryBytes: settings.memoryBytes ?? usual,
    image,
    commandLine,
    format,
    processorCount: processors,
    unpack,
    onReset,
    onTripleFault,
    vmbus,
    vmbusVersion,
    ...(initrdFile === undefined ? {} : { initrd: initrdFile }),
    ...(vmbusMonitorNs === undefined ? {} : { vmbusMonitorNs }),
    // Absent where it is off: saved machines are of a configuration.
    ...(la57 ? { la57 } : {}),
    ...(share === undefined ? {} : { share }),
    ...(flat === undefined ? {} : { flat }),
    ...(bootTime === undefined ? {} : { bootTime }),
    disks: disks.map(({ location, writtenBytesMaximum, ...disk }) => ({
      ...disk,
      ...(location === undefined ? {} : { location }),
      ...(writtenBytesMaximum === undefined ? {} : { writtenBytesMaximum }),
    })),
  };
}

function readInitrd(path: string, { files }: TargetPorts): ImageFile {
  return { path, bytes: readGuestFile(path, files, initrdRole) };
}

/** Gives the kernel without its compression, for its symbols; undefined where the guest is no Linux kernel. */
function kernelOf(
  guest: GuestConfiguration,
  decompressor: Decompressor,
): (() => ImageFile) | undefined {
  const { image, format } = guest;
  if (format !== 'linux' && format !== 'pvh') return undefined;
  if (!isBzImage(image.bytes)) return () => image;
  const unpack = (): ImageFile => unpackKernel(image, readBzImage(image), decompressor);
  // One that the loader has unpacked is sound, and remembered.
  if (guest.unpack !== 'guest') return unpack;
  const kernel = unpack();
  return () => kernel;
}

/**
 * Reads the program and builds a machine with it, stopped before its first instruction.
 * @throws UserError where the program cannot be read or run
 */
export function loadTarget(
  settings: TargetSettings,
  ports: TargetPorts,
  { origin = {}, saved, keepsPast = true }: TargetBeginning = {},
): DebugTarget {
  const decompressor = new RememberingDecompressor(ports.decompressor);
  const guests = settings.guests.map((guest) => configureGuest(guest, ports));
  // The loader judges the image first: its messages say more than those of the symbol reader.
  const { codeHost, blockFiles } = ports;
  const { logicalProcessors } = settings;
  const configuration = {
    guests,
    costs: defaultCosts,
    ...(logicalProcessors === undefined ? {} : { logicalProcessors }),
  };
  const physical = new PhysicalMachine(configuration, {
    codeHost,
    decompressor,
    blockFiles,
    compressor: ports.compressor,
  });
  if (saved !== undefined) physical.restoreFile(saved.file, ports.compressor);
  const machine = new Timeline(physical, { keepsPast });
  const programs = guests.map((guest, index) => {
    const symbolFiles = settings.guests[index]?.symbols ?? [];
    const sources = { image: guest.image, symbolFiles, kernel: kernelOf(guest, decompressor) };
    return openProgram(sources, settings.sourceMap, ports.files);
  });
  const { disassemblySyntax: syntax, isPaced } = settings;
  return { programs, machine, syntax, isPaced, origin };
}

/**
 * Opens a program under the debugger.
 * @throws UserError where the program cannot be read or run
 */
export function openTarget(
  settings: TargetSettings,
  ports: TargetPorts,
  beginning?: TargetBeginning,
): MachineControl {
  return new MachineControl(loadTarget(settings, ports, beginning), ports);
}

/**
 * Opens a program to be run without a debugger.
 * @param checkpointInterval steps between checkpoints, for travelling back afterwards; there is no past without it
 * @throws UserError where the program cannot be read or run
 */
export function openHeadless(
  settings: TargetSettings,
  ports: TargetPorts,
  checkpointInterval?: number,
  beginning?: TargetBeginning,
): HeadlessRun {
  const keepsPast = checkpointInterval !== undefined;
  const target = loadTarget(settings, ports, { ...beginning, keepsPast });
  const { programs, machine, syntax, origin } = target;
  machine.checkpointInterval = checkpointInterval ?? Infinity;
  const { disassembler } = ports;
  return new HeadlessRun(
    machine,
    new GuestPrograms(machine.guests, programs, disassembler, syntax),
    {
      machine: (path) => writeSavedMachine(path, saveTarget({ machine, origin }, ports), ports),
      partition: (id, path) => writeSavedMachine(path, machine.machine.saveGuestFile(id), ports),
      restorePartition: (path) => void machine.accept(readSavedPartition(path, machine, ports)),
    },
  );
}
