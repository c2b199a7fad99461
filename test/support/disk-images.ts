// Disk images for tests: contents with holes, the files that QEMU makes of them, and what is read back.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readImage,
  type DiskImage,
} from '../../debug-adapter/parent-partition/virtual-disks/disk-image';
import { SeededRandom } from './seeded-random';

/** True where QEMU's program for images is installed (Debian and Ubuntu: apt-get install qemu-utils). */
export const hasQemuImg = spawnSync('qemu-img', ['--version']).status === 0;

/** True where QEMU's machines are installed (Debian and Ubuntu: apt-get install qemu-system-x86). */
export const hasQemuSystem = spawnSync('qemu-system-x86_64', ['--version']).status === 0;

/** Runs a program that must succeed. @throws Error with what it said where it does not */
export function runTool(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Zeros with stretches of random bytes, some of them at the places where formats have their limits. */
export function sparseContent(sizeBytes: number, seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  const content = new Uint8Array(sizeBytes);
  const megabyte = 1 << 20;
  const places = Array.from({ length: 6 }, () => random.below(sizeBytes - 70_000));
  for (const place of [0, 2 * megabyte - 512, sizeBytes - 4096, ...places]) {
    const at = Math.floor(Math.min(place, sizeBytes - 512) / 512) * 512;
    const bytes = random.bytes(512 * (1 + random.below(64)));
    content.set(bytes.subarray(0, sizeBytes - at), at);
  }
  return content;
}

/** The whole disk. */
export function readWhole(image: DiskImage): Uint8Array {
  const bytes = new Uint8Array(image.sizeBytes);
  if (!readImage(image, 0, bytes)) throw new Error('the image could not be read');
  return bytes;
}

/** A folder of its own for the files of a test. */
export class ImageFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'hyperscope-images-'));

  place(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file, and says where. */
  write(name: string, bytes: Uint8Array): string {
    writeFileSync(this.place(name), bytes);
    return this.place(name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
