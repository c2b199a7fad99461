// The stock Debian kernel of these tests as a guest: files, machines, their consoles, and how they are run.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RememberingDecompressor } from '../../debug-adapter/backends/decompressor';
import { nodeBlockFiles } from '../../debug-adapter/host/node-block-files';
import { nodeDecompressor } from '../../debug-adapter/host/node-decompressor';
import { webAssemblyCodeHost } from '../../debug-adapter/host/web-assembly-code-space';
import type { TraceEvent, TraceSink } from '../../debug-adapter/machine/trace';
import {
  configureSingleGuest,
  type GuestConfiguration,
  type ImageFile,
} from '../../debug-adapter/system/machine-configuration';
import { PhysicalMachine, type MachinePorts } from '../../debug-adapter/system/physical-machine';
import { VmbusVersion } from '../../debug-adapter/spec/vmbus/messages';
import type { RunOutcome, RunRequest, RunStop } from '../../debug-adapter/system/run-types';

/** Which of Debian's kernels: `npm run guest:debian -- --flavour NAME`. */
export type KernelFlavour = 'cloud' | 'generic';

const folders = fileURLToPath(new URL('../../.cache/guests', import.meta.url));

/** Files of a guest, as `npm run guest:debian` leaves them. */
function filesOf(flavour: KernelFlavour): { readonly kernel: string; readonly initrd: string } {
  const folder = join(folders, `debian-${flavour}`);
  return { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd.cpio') };
}

export const guestFiles = {
  ...filesOf('cloud'),
  /** A small userland: `npm run guest:debian -- --root-disk`. */
  root: join(folders, 'debian-cloud/root.ext4'),
} as const;

/** What the first process of the guest prints before anything else. */
export const userspaceMarker = 'HYPERSCOPE-GUEST-READY';
export const guestCommandLine = 'console=ttyS0 nokaslr cryptomgr.notests=1';
const memoryBytes = 256 << 20;
/** Unpacking the kernel once is enough for all machines of a process. */
const decompressor = new RememberingDecompressor(nodeDecompressor);

function readGuestFile(path: string): ImageFile {
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run guest:debian`);
  // A copy: slices of a Buffer share its bytes, and some tests damage theirs.
  return { path, bytes: new Uint8Array(readFileSync(path)) };
}

/** How a machine works and never what it does, and how many processors its guest has. */
export interface BootOptions
  extends
    Partial<Pick<MachinePorts, 'codeHost' | 'hotCount' | 'tlbEntries'>>,
    Pick<
      GuestConfiguration,
      'vmbus' | 'vmbusVersion' | 'vmbusMonitorNs' | 'disks' | 'la57' | 'unpack'
    > {
  readonly processors?: number;
  readonly commandLine?: string;
  readonly flavour?: KernelFlavour;
}

interface LoadedFiles {
  readonly image: ImageFile;
  readonly initrd: ImageFile;
}

const loaded = new Map<KernelFlavour, LoadedFiles>();

/** The kernel's file and its RAM disk, read once. */
export function debianFiles(flavour: KernelFlavour = 'cloud'): LoadedFiles {
  const { kernel, initrd } = filesOf(flavour);
  const files = loaded.get(flavour) ?? {
    image: readGuestFile(kernel),
    initrd: readGuestFile(initrd),
  };
  loaded.set(flavour, files);
  return files;
}

/** A machine before the first instruction of the kernel. */
export function bootMachine(options: BootOptions = {}): PhysicalMachine {
  const { processors = 1, commandLine = guestCommandLine, flavour, ...others } = options;
  const { vmbus = true, vmbusVersion = VmbusVersion.v5_3, disks = [] } = others;
  const { la57 = false, unpack = 'host', vmbusMonitorNs, hotCount, tlbEntries } = others;
  const { codeHost = webAssemblyCodeHost } = others;
  const configuration = configureSingleGuest({
    ...debianFiles(flavour),
    ...{ name: 'debian', memoryBytes, commandLine, processorCount: processors },
    ...{ vmbus, vmbusVersion, disks, la57, unpack },
    ...(vmbusMonitorNs === undefined ? {} : { vmbusMonitorNs }),
  });
  return new PhysicalMachine(configuration, {
    ...{ codeHost, decompressor, blockFiles: nodeBlockFiles },
    ...(hotCount === undefined ? {} : { hotCount }),
    ...(tlbEntries === undefined ? {} : { tlbEntries }),
  });
}

/** Lines of a console in which the kernel says that something is wrong with the devices of the bus, or at all. */
export function kernelComplaints(console: string): readonly string[] {
  const lines = console.split(/\r?\n/);
  const isOfBus = (line: string): boolean => /hv_|hyperv|vmbus|scsi|\bsd[a-z]?\b|EXT4/i.test(line);
  const isComplaint = (line: string): boolean =>
    /error|fail|unable|unknown|timed? ?out|invalid/i.test(line);
  return lines.filter(
    (line) =>
      /WARNING:|BUG:|Oops|Call Trace|I\/O error|rcu:.*stall/.test(line) ||
      (/^\[ *\d+\.\d+\]/.test(line) && isOfBus(line) && isComplaint(line)),
  );
}

/** A machine or a timeline with one. */
export interface Runnable {
  readonly position: number;
  readonly trace: PhysicalMachine['trace'];
  run(request: RunRequest): RunOutcome;
}

/** Everything that a guest writes to its console from here on. */
export class GuestConsole implements TraceSink {
  text = '';
  private readonly decoder = new TextDecoder();

  constructor({ trace }: Runnable) {
    trace.forwardTo(this, ['console']);
  }

  record(event: TraceEvent): void {
    if (event.kind === 'console') this.text += this.decoder.decode(event.data, { stream: true });
  }

  /** The last lines, for the message of a failed test. */
  get end(): string {
    return this.text.slice(-1500);
  }
}

const stepsPerTurn = 1_000_000;

/**
 * Runs until the console shows `text`, a whole number of turns.
 * @returns why the machine stopped before that, if it did
 */
export function runUntilShown(
  machine: Runnable,
  console: GuestConsole,
  text: string,
  stepsMax = 2_000_000_000,
): RunStop | undefined {
  const last = machine.position + stepsMax;
  let from = console.text.length;
  while (machine.position < last) {
    const { stop } = machine.run({ maxSteps: stepsPerTurn });
    if (console.text.includes(text, from)) return undefined;
    if (stop.kind !== 'budget') return stop;
    from = Math.max(from, console.text.length - text.length);
  }
  return { kind: 'budget' };
}

/** A machine that can be looked at, with a timeline or without. */
type StoppableMachine = Runnable & Pick<PhysicalMachine, 'guests'>;

/**
 * Runs to a position, past breakpoints.
 * @param sliceSteps steps to ask for at once; by default all of them
 * @returns how often a breakpoint stopped the machine
 * @throws Error where the machine ends before
 */
export function runToPosition(
  machine: StoppableMachine,
  position: number,
  sliceSteps = (): number => Infinity,
): number {
  let hits = 0;
  while (machine.position < position) {
    const { stop } = machine.run({ maxSteps: Math.min(position - machine.position, sliceSteps()) });
    if (stop.kind === 'breakpoint') {
      hits++;
      passBreakpoint(machine, stop);
    } else if (stop.kind !== 'budget') throw new Error(`${stop.kind} at ${machine.position}`);
  }
  return hits;
}

function passBreakpoint(
  { guests }: StoppableMachine,
  { at }: Extract<RunStop, { kind: 'breakpoint' }>,
): void {
  const guest = guests.find(({ id }) => id === at.partition);
  guest?.processors[at.processor]?.core.passBreakpointOnce();
}
