/** Saved machines and partitions as files: how one is written and read, and what launch arguments it brings with it. */
import type { BlockFiles } from '../backends/block-source';
import type { Compressor } from '../backends/compressor';
import type { FileSource } from '../backends/file-source';
import type { HostInput } from '../machine/host-input';
import { StateHash } from '../support/state-hash';
import { UserError } from '../support/user-error';
import { limits } from '../system/limits';
import { readMachineFile, type MachineFile } from '../system/machine-file';
import type { Timeline } from '../timeline/timeline';
import { readGuestFile } from './program';

/** What saving and restoring need of the host. */
export interface SavePorts {
  readonly files: FileSource;
  readonly blockFiles: BlockFiles;
  readonly compressor: Compressor;
}

const fileRole = { id: 'saved-machine', argument: 'restore', hint: 'Check "restore".' };

/** A saved machine, and the launch arguments that make the machine it is of. */
export interface SavedMachine {
  readonly file: MachineFile;
  readonly launch: object;
}

/**
 * Reads a saved machine.
 * @throws UserError where there is none, or it cannot be used
 */
export function readSavedMachine(
  path: string,
  { files, compressor }: Pick<SavePorts, 'files' | 'compressor'>,
): SavedMachine {
  const bytes = readGuestFile(path, files, fileRole, limits.savedFileBytes);
  const file = readMachineFile(bytes, compressor);
  const launch: unknown = JSON.parse(file.origin);
  if (typeof launch === 'object' && launch !== null) return { file, launch };
  throw new UserError('saved-file-damaged', `${path} does not say what it is of.`);
}

/**
 * The launch arguments of a session that begins with a saved machine: those it was saved with, and what differs.
 * @param given a record of launch arguments, with `restore`
 */
export function launchOfRestored({ launch }: SavedMachine, given: object): object {
  const merged: Record<string, unknown> = { ...launch, ...given };
  // One form replaces the other: a guest is described once.
  if ('program' in given) delete merged['guests'];
  if ('guests' in given) delete merged['program'];
  return merged;
}

/** The pieces of the file of a machine as it stands. */
export function saveTarget(
  { machine, origin }: { readonly machine: Timeline; readonly origin: object },
  { compressor }: Pick<SavePorts, 'compressor'>,
): readonly Uint8Array[] {
  return machine.machine.saveFile(compressor, JSON.stringify(origin));
}

const partitionRole = {
  id: 'saved-partition',
  argument: 'path',
  hint: 'Name a file that a partition was saved to.',
};

/**
 * Reads a saved partition as the input that puts it into its place.
 * @param partition where it is to go; undefined for the guest that it is of
 * @throws UserError where there is none, or the machine has no such guest
 */
export function readSavedPartition(
  path: string,
  { machine }: Timeline,
  { files }: Pick<SavePorts, 'files'>,
  partition?: number,
): HostInput {
  const file = readGuestFile(path, files, partitionRole, limits.savedFileBytes);
  const of = partition ?? machine.guestOfFile(file);
  const digest = new StateHash().update(file).digest();
  return { kind: 'restore-partition', partition: of, digest, file };
}

/**
 * Writes a file whole: an older one of that name stays until the new one is complete.
 * @throws UserError where it cannot be written
 */
export function writeSavedMachine(
  path: string,
  pieces: readonly Uint8Array[],
  { blockFiles }: Pick<SavePorts, 'blockFiles'>,
): number {
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const outcome = blockFiles.writeWhole(path, sizeBytes, (sink) => {
    let at = 0;
    for (const piece of pieces) {
      sink.write(at, piece);
      at += piece.length;
    }
  });
  if (outcome.kind === 'written') return sizeBytes;
  throw new UserError(
    'saved-machine-unwritable',
    `${path} cannot be written: ${outcome.message}.`,
    'Choose another place.',
  );
}
