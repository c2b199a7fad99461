/** The command line's options: parsing, with a message for every wrong one. */
import { eventKinds, type EventKind } from '../debugger/event-log/event-kinds';
import { nearestName } from '../support/nearest-name';
import { UserError } from '../support/user-error';
import { decimal, decimalNumber } from './decimal';
import { parseAsks, type GuestAsk } from './guest-asks';
import { diskArguments, diskExports, valueSeparator, type DiskExport } from './disk-options';

/** Options of `run`. */
export interface RunOptions {
  /** Launch arguments as in launch.json, as far as they were given as options. */
  readonly launch: Readonly<Record<string, unknown>>;
  /** File with launch arguments; those in {@link launch} go before. */
  readonly configFile: string | undefined;
  /** Saved machine to go on with. */
  readonly restoreFile: string | undefined;
  /** Where the machine is saved at the end of the run. */
  readonly saveFile: string | undefined;
  /** Where one guest is saved at the end of the run; no name where there is only one. */
  readonly savePartition: PartitionFile | undefined;
  /** The file of a guest that the run begins with. */
  readonly restorePartition: string | undefined;
  /** Ends the run when the guest's console has shown this text. */
  readonly until: string | undefined;
  readonly untilTimeNs: number | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly steps: number | undefined;
  readonly trace: readonly EventKind[];
  readonly traceFile: string | undefined;
  /** Where to go after the run, in this order. */
  readonly travel: TravelOptions | undefined;
  /** Steps between checkpoints; undefined where none are needed. */
  readonly checkpointInterval: number | undefined;
  /** What to ask of the guest, in order. */
  readonly asks: readonly GuestAsk[];
  /** Disks to be written to files after the run. */
  readonly exports: readonly DiskExport[];
  readonly stateHash: boolean;
  readonly quiet: boolean;
  /** Whether unpacked kernels, bytecode and translated code are kept for the next start. */
  readonly usesCache: boolean;
}

export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'run'; readonly options: RunOptions };

const checkpointIntervalDefault = 2_000_000;

export const usage = `Usage: hyperscope run [--kernel] PROGRAM [options]
       hyperscope run --config FILE [options]
       hyperscope run --restore FILE [options]
       hyperscope prepare

Runs a guest in an emulated partition; its console goes to the terminal. PROGRAM is a sample guest,
a Linux kernel (vmlinuz or vmlinux), a PVH or multiboot kernel, or a flat image.
The exit status is what the guest wrote to its exit port, 0 where it halted, switched itself off or
--until was met, 2 for what was given wrong, 3 where it cannot go on (a triple fault, say) or has
ended before --until was met, 4 where it reported that it has crashed.

"prepare" compiles the program and its interpreter for later runs; otherwise the first one does.

  --config FILE        launch arguments as in launch.json, as JSON; the way to run several guests
                       ("guests": [...]), whose console lines then begin with their names.
                       Other options that are launch arguments replace what the file says
  --initrd FILE        initial RAM disk of a kernel, or module of a multiboot kernel
  --append TEXT        command line of the guest
  --memory SIZE        RAM of the guest: MiB, or 64M, up to 3.5G (default 64M, for kernels 512M)
  --processors N       virtual processors, 1 to 64 (default 1)
  --logical-processors N
                       logical processors that they share (default: one for each)
  --format FORMAT      auto, sample-guest, linux, pvh, multiboot or flat (default auto)
  --flat ADDRESS,MODE  where a flat image goes, and its mode: real, protected or long
  --unpack WHO         who unpacks a Linux kernel: host or guest (default host)
  --symbols FILES      symbols of the kernel: vmlinux or System.map, several with commas
  --la57               CPUID offers 5-level paging
  --no-reboot          a reset of the guest's machine ends it, with status 0, not a new boot
  --disk IMAGE[,controller=ide][,location=N][,read-only][,detached][,write-limit=SIZE]
                       a disk on VMBus: raw, VHD or VHDX, which is never written (may be repeated);
                       of what the guest writes at most SIZE is kept (default 1G)
  --export-disk N=FILE after the run write disk N, counted from 0, to FILE as what its name ends in:
                       .vhdx, .vhd, otherwise raw (may be repeated)
  --boot-time TIME     what the guest's clock says at power-on (default 2026-01-01T00:00:00Z)
  --vmbus VERSION      newest version of VMBus that the guest may ask for, or "off" (default 5.3)
  --vmbus-monitor US   the guest signals its integration components by a page that is looked at
                       every US microseconds, not by hypercalls
  --ask REQUESTS       what to ask of the guest through its integration components, with semicolons:
                       shutdown, restart, hibernate, time, data, set KEY=VALUE, delete KEY, freeze,
                       thaw, copy FILE PATH, addresses MAC, set-addresses ADAPTER dhcp or ADAPTER
                       ADDRESSES MASKS [GATEWAYS [DNS]] (lists with commas; the adapter is the
                       instance of its device), and of its disks, counted from 0: attach N,
                       detach N, export N FILE, and backup N FILE, which freezes, exports and thaws;
                       "when TEXT" waits for the console
  --until TEXT         end when the console has shown TEXT
  --until-time NS      end after NS nanoseconds of virtual time
  --steps N            end after N steps
  --timeout SECONDS    end after SECONDS of real time, with status 124
  --trace KINDS        print events: ${eventKinds.join(',')}
  --trace-file FILE    write the events to FILE instead (JSON lines where it ends in .jsonl)
  --save FILE          save the machine to FILE at the end of the run
  --restore FILE       go on with a saved machine; PROGRAM and options are those it was saved with
  --save-partition [NAME=]FILE
                       save one guest at the end of the run; NAME where there are several
  --restore-partition FILE
                       begin with a saved guest in the place of the one it is of
  --go-to POSITION     after the run go to POSITION of it; print registers and state hash there
  --back-to PLACE      then go back to where a breakpoint would have stopped last: a function, an
                       address, exit:NAME, hypercall:NAME or what else function breakpoints take
  --step-back N        then step back by N instructions of the processor there, or of the first
  --checkpoint-interval N
                       steps between the checkpoints that these start from (default 2000000)
  --state-hash         print the hash of the final state
  --quiet              print nothing but the guest's console
  --no-cache           unpack, translate and compile anew; otherwise all is kept for the next start
  --help               show this text
`;

const valueOptions = [
  '--restore',
  '--restore-partition',
  '--save-partition',
  '--save',
  '--config',
  '--kernel',
  '--initrd',
  '--append',
  '--memory',
  '--processors',
  '--logical-processors',
  '--format',
  '--flat',
  '--unpack',
  '--symbols',
  '--disk',
  '--export-disk',
  '--boot-time',
  '--vmbus',
  '--vmbus-monitor',
  '--ask',
  '--until',
  '--until-time',
  '--steps',
  '--timeout',
  '--trace',
  '--trace-file',
  '--go-to',
  '--back-to',
  '--step-back',
  '--checkpoint-interval',
] as const;
const flagOptions = [
  '--no-reboot',
  '--la57',
  '--state-hash',
  '--quiet',
  '--no-cache',
  '--help',
] as const;
type ValueOption = (typeof valueOptions)[number];
type FlagOption = (typeof flagOptions)[number];

/** Ways into the past. */
export interface TravelOptions {
  readonly goTo: number | undefined;
  /** A breakpoint, as a function breakpoint is typed. */
  readonly backTo: string | undefined;
  readonly stepBack: number | undefined;
}

function travelOptions(values: SplitArguments['values']): TravelOptions | undefined {
  const goTo = position('--go-to', values.get('--go-to'));
  const backTo = nonEmpty('--back-to', values.get('--back-to'));
  const stepBack = wholeNumber('--step-back', values.get('--step-back'));
  const isWanted = [goTo, backTo, stepBack].some((value) => value !== undefined);
  return isWanted ? { goTo, backTo, stepBack } : undefined;
}

/** A file, and the guest that goes there. */
export interface PartitionFile {
  readonly name: string | undefined;
  readonly path: string;
}

function partitionFile(text: string | undefined): PartitionFile | undefined {
  if (text === undefined) return undefined;
  const equals = text.indexOf('=');
  if (equals < 0) return { name: undefined, path: text };
  return { name: text.slice(0, equals), path: text.slice(equals + 1) };
}

function usageError(message: string, hint = 'See hyperscope --help.'): UserError {
  return new UserError('command-line', message, hint);
}

function isValueOption(text: string): text is ValueOption {
  return valueOptions.some((option) => option === text);
}

function isRepeatable(option: ValueOption): boolean {
  return option === '--disk' || option === '--export-disk';
}

function isFlagOption(text: string): text is FlagOption {
  return flagOptions.some((option) => option === text);
}

interface SplitArguments {
  readonly values: ReadonlyMap<ValueOption, string>;
  readonly flags: ReadonlySet<FlagOption>;
  readonly words: readonly string[];
}

function split(texts: readonly string[]): SplitArguments {
  const values = new Map<ValueOption, string>();
  const flags = new Set<FlagOption>();
  const words: string[] = [];
  for (let index = 0; index < texts.length; index++) {
    const text = texts[index] ?? '';
    if (!text.startsWith('-') || text === '-') {
      words.push(text);
      continue;
    }
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (isFlagOption(name)) {
      if (equals >= 0) throw usageError(`${name} takes no value.`);
      flags.add(name);
    } else if (isValueOption(name)) {
      const value = equals < 0 ? texts[++index] : text.slice(equals + 1);
      if (value === undefined) throw usageError(`${name} needs a value.`);
      const before = isRepeatable(name) ? values.get(name) : undefined;
      values.set(name, before === undefined ? value : `${before}${valueSeparator}${value}`);
    } else {
      const near = nearestName(name, [...valueOptions, ...flagOptions]);
      throw usageError(
        `There is no option ${name}.`,
        near === undefined ? 'See hyperscope --help.' : `Did you mean ${near}?`,
      );
    }
  }
  return { values, flags, words };
}

function positive(name: ValueOption, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw usageError(`${name} needs a positive number, not "${text}".`);
}

function position(name: ValueOption, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = decimalNumber(text);
  if (value !== undefined) return value;
  throw usageError(`${name} needs a position, a whole number from 0, not "${text}".`);
}

function wholeNumber(name: ValueOption, text: string | undefined): number | undefined {
  const value = positive(name, text);
  if (value === undefined || Number.isInteger(value)) return value;
  throw usageError(`${name} needs a whole number, not "${text ?? ''}".`);
}

function nonEmpty(name: ValueOption, text: string | undefined): string | undefined {
  if (text === '') throw usageError(`${name} needs a text that is not empty.`);
  return text;
}

function parseTrace(text: string | undefined): readonly EventKind[] {
  if (text === undefined) return [];
  return text.split(',').map((word) => {
    const kind = eventKinds.find((known) => known === word.trim());
    if (kind !== undefined) return kind;
    const near = nearestName(word, eventKinds);
    throw usageError(
      `--trace knows no events "${word}".`,
      near === undefined ? `Known: ${eventKinds.join(', ')}.` : `Did you mean "${near}"?`,
    );
  });
}

/** Options that are launch arguments, and how their text becomes what launch.json would have. */
const launchOptions: readonly (readonly [
  option: ValueOption,
  argument: string,
  convert?: (text: string, option: ValueOption) => unknown,
])[] = [
  ['--initrd', 'initrd'],
  ['--append', 'commandLine'],
  ['--memory', 'memory'],
  ['--processors', 'processors', decimal],
  ['--logical-processors', 'logicalProcessors', decimal],
  ['--format', 'format'],
  ['--flat', 'flat', flatArgument],
  ['--unpack', 'unpack'],
  ['--symbols', 'symbols', (text) => text.split(',')],
  ['--boot-time', 'bootTime'],
  ['--vmbus-monitor', 'vmbusMonitor', decimal],
  ['--disk', 'disks', diskArguments],
];

function flatArgument(text: string): object {
  const [address, mode] = text.split(',');
  return mode === undefined ? { address } : { address, mode };
}

function launchArguments(
  program: string | undefined,
  values: SplitArguments['values'],
): RunOptions['launch'] {
  const given: Record<string, unknown> = program === undefined ? {} : { program };
  const vmbus = values.get('--vmbus');
  if (vmbus === 'off') given['vmbus'] = false;
  else if (vmbus !== undefined) given['vmbusVersion'] = vmbus;
  for (const [option, argument, convert = (text: string): unknown => text] of launchOptions) {
    const text = values.get(option);
    if (text !== undefined) given[argument] = convert(text, option);
  }
  return given;
}

/**
 * Parses the arguments behind the program's name.
 * @throws UserError that says what is wrong
 */
export function parseCommandLine(texts: readonly string[]): CommandLine {
  const { values, flags, words } = split(texts);
  if (flags.has('--help') || texts.length === 0) return { kind: 'help' };
  const [command, ...programs] = words;
  const kernel = values.get('--kernel');
  const [program, ...rest] = kernel === undefined ? programs : [kernel, ...programs];
  if (command === 'prepare') {
    const [more] = programs;
    if (more !== undefined) throw usageError(`"${more}" is one argument too many.`);
    if (texts.length > 1) throw usageError('prepare takes no options.');
    return { kind: 'prepare' };
  }
  if (command !== 'run') {
    throw usageError(`There is no command "${command ?? ''}".`, 'Write: hyperscope run PROGRAM.');
  }
  const configFile = values.get('--config');
  const restoreFile = values.get('--restore');
  if (program === undefined && configFile === undefined && restoreFile === undefined) {
    throw usageError('No program was named.', 'Write: hyperscope run PROGRAM.');
  }
  if (rest.length > 0) throw usageError(`"${rest[0] ?? ''}" is one argument too many.`);
  const travel = travelOptions(values);
  const interval = wholeNumber('--checkpoint-interval', values.get('--checkpoint-interval'));
  return {
    kind: 'run',
    options: {
      travel,
      configFile,
      restoreFile,
      saveFile: values.get('--save'),
      savePartition: partitionFile(values.get('--save-partition')),
      restorePartition: values.get('--restore-partition'),
      checkpointInterval:
        interval ?? (travel === undefined ? undefined : checkpointIntervalDefault),
      launch: {
        ...launchArguments(program, values),
        ...(flags.has('--no-reboot') ? { onReset: 'end' } : {}),
        ...(flags.has('--la57') ? { la57: true } : {}),
      },
      asks: parseAsks(values.get('--ask')),
      until: nonEmpty('--until', values.get('--until')),
      untilTimeNs: wholeNumber('--until-time', values.get('--until-time')),
      timeoutSeconds: positive('--timeout', values.get('--timeout')),
      steps: wholeNumber('--steps', values.get('--steps')),
      trace: parseTrace(values.get('--trace')),
      traceFile: values.get('--trace-file'),
      exports: diskExports(values.get('--export-disk')),
      stateHash: flags.has('--state-hash'),
      quiet: flags.has('--quiet'),
      usesCache: !flags.has('--no-cache'),
    },
  };
}
