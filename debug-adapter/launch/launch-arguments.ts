/** The one definition of launch arguments: types, validation and the manifest's schema. */
import * as z from 'zod';
import { nearestName } from '../support/nearest-name';
import { UserError } from '../support/user-error';
import {
  guestSchema,
  guestSettings,
  nameOfProgram,
  type GuestArguments,
  type GuestSettings,
} from './guest-arguments';

const consoleSchema = z
  .strictObject({
    location: z
      .enum(['debugConsole', 'terminal'])
      .default('debugConsole')
      .describe(
        'Where the guest console is shown: as lines in the Debug Console, or in a terminal that takes input.',
      ),
    lineLength: z
      .int()
      .min(80)
      .max(65_536)
      .default(4096)
      .describe('Characters after which a line of the guest console is broken.'),
    linesPerSecond: z
      .int()
      .min(10)
      .max(100_000)
      .default(2000)
      .describe('Lines of guest console shown per second; what is more is dropped and counted.'),
  })
  .describe('How the guest console is shown in the Debug Console.');

const sourceMapSchema = z
  .record(z.string(), z.string())
  .describe(
    'Where sources are: a path, or the beginning of one, as recorded in the program, and the local folder or file instead.',
  );

const nameSchema = z.string().min(1).max(64);
const guestsMax = 8;

const guestsSchema = z
  .array(
    z.strictObject({
      name: nameSchema
        .optional()
        .describe('Name of the guest partition; by default the name of the program.'),
      ...guestSchema,
    }),
  )
  .min(1)
  .max(guestsMax)
  .describe('Several guest partitions of one machine, instead of "program" and what goes with it.');

const { program: programSchema, ...otherGuestSchema } = guestSchema;

const schema = z.strictObject({
  program: programSchema.optional(),
  ...otherGuestSchema,
  partitionName: nameSchema
    .optional()
    .describe('Name of the guest partition; by default the name of the program.'),
  guests: guestsSchema.optional(),
  logicalProcessors: z
    .int()
    .min(1)
    .max(512)
    .optional()
    .describe('Logical processors that the virtual ones share; by default each has one to itself.'),
  restore: z
    .string()
    .optional()
    .describe(
      'Path of a saved machine to go on with; what else is given replaces what it was saved with.',
    ),
  stopOnEntry: z
    .boolean()
    .default(true)
    .describe('Stop before the first instruction of the guest.'),
  stopAtEnd: z
    .boolean()
    .default(true)
    .describe(
      'Stay stopped where the last guest has ended, so that you can step back; continuing from there ends the session.',
    ),
  sourceMap: sourceMapSchema.optional(),
  disassemblySyntax: z
    .enum(['intel', 'gnu', 'nasm'])
    .default('intel')
    .describe('Notation of disassembled instructions; "gnu" is AT&T.'),
  pace: z
    .enum(['realTime', 'unlimited'])
    .default('realTime')
    .describe(
      "How fast the guest's clock may go: no faster than real time, or as fast as an idle guest can be carried from one moment to the next. The same things happen either way.",
    ),
  console: consoleSchema.optional(),
});

/** Launch arguments as a person writes them. */
export type LaunchArguments = z.input<typeof schema>;

/** Launch arguments, complete and in units of the machine. */
export interface LaunchSettings {
  /** The guest partitions, at least one. */
  readonly guests: readonly GuestSettings[];
  /** Undefined where each virtual processor has one to itself. */
  readonly logicalProcessors: number | undefined;
  readonly stopOnEntry: boolean;
  readonly stopAtEnd: boolean;
  /** Rules in the order in which they are tried. */
  readonly sourceMap: readonly { readonly from: string; readonly to: string }[];
  readonly disassemblySyntax: 'intel' | 'gnu' | 'nasm';
  /** The guest's clock goes no faster than real time. */
  readonly isPaced: boolean;
  readonly consoleLocation: 'debugConsole' | 'terminal';
  readonly consoleLineLength: number;
  readonly consoleLinesPerSecond: number;
}

/** Keys that VS Code itself puts into every configuration. */
const editorKeys: ReadonlySet<string> = new Set([
  'type',
  'request',
  'name',
  'noDebug',
  'restart',
  'debugServer',
  'presentation',
  'internalConsoleOptions',
  'preLaunchTask',
  'postDebugTask',
  'serverReadyAction',
  'suppressMultipleSessionWarning',
  'linux',
  'osx',
  'windows',
  'debugConfigurationId',
]);

function argumentError(name: string, message: string, hint: string): UserError {
  return new UserError(`launch-argument-${name}`, message, hint);
}

function checkKeys(given: Readonly<Record<string, unknown>>): void {
  const known = Object.keys(schema.shape);
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    throw argumentError(
      'unknown',
      `There is no launch argument "${key}".`,
      near === undefined ? `Known are: ${known.join(', ')}.` : `Did you mean "${near}"?`,
    );
  }
}

function describeIssue(path: readonly PropertyKey[], message: string): UserError {
  const name = path.map(String).join('.');
  const root = String(path[0] ?? 'arguments');
  if (path.at(-1) === 'processors') {
    return argumentError(
      'processors',
      'The launch argument "processors" must be a whole number from 1 to 64.',
      'Leave it out for one virtual processor.',
    );
  }
  if (path.at(-1) === 'program') {
    return argumentError(
      'program',
      'The launch argument "program" is missing or is no text.',
      'Set it to the path of a guest program, for example "${workspaceFolder}/guest.elf", or list several in "guests".',
    );
  }
  const hint =
    path.length > 1
      ? 'See its description in launch.json.'
      : 'See launch.json for its description.';
  return argumentError(root, `The launch argument "${name}" is wrong: ${message}.`, hint);
}

type Parsed = z.output<typeof schema>;

/** The keys that are about one guest, and have no meaning beside "guests". */
const singleGuestKeys: readonly string[] = [...Object.keys(guestSchema), 'partitionName'];

function parseGuests(given: Readonly<Record<string, unknown>>, parsed: Parsed): GuestSettings[] {
  const { guests, program, partitionName, ...single } = parsed;
  if (guests === undefined)
    return [parseGuest({ ...single, program: program ?? '' }, partitionName)];
  const extra = singleGuestKeys.find((key) => given[key] !== undefined);
  if (extra !== undefined) {
    throw argumentError(
      extra,
      `The launch argument "${extra}" is of a single guest, but there is "guests" too.`,
      'Move it into an element of "guests".',
    );
  }
  const names = new Set<string>();
  return guests.map((guest) => {
    const settings = parseGuest(guest, freeName(guest.name, guest.program, names));
    names.add(settings.partitionName);
    return settings;
  });
}

function parseGuest(guest: GuestArguments, name: string | undefined): GuestSettings {
  if (guest.program.trim() === '') throw describeIssue(['program'], 'empty');
  return guestSettings(guest, name);
}

/** Two guests of one program are told apart by a number; a name that a person chose must be free. */
function freeName(name: string | undefined, program: string, taken: ReadonlySet<string>): string {
  if (name !== undefined) {
    if (!taken.has(name)) return name;
    throw argumentError(
      'guests',
      `Two guests have the name "${name}".`,
      'Give each element of "guests" a "name" of its own.',
    );
  }
  const stem = nameOfProgram(program);
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? stem : `${stem} ${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/**
 * Validates launch arguments and fills in what is left out.
 * @param input as it came over the wire; keys of the editor are ignored
 * @throws UserError that names the argument and says what to do
 */
export function parseLaunchArguments(input: unknown): LaunchSettings {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw argumentError('shape', 'The launch arguments are no object.', 'Check launch.json.');
  }
  const given = Object.fromEntries(
    Object.entries(input).filter(([key]) => !editorKeys.has(key) && !key.startsWith('__')),
  );
  checkKeys(given);
  // To generate code for it takes longer than to go through it once.
  const parsed = schema.safeParse(given, { jitless: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw describeIssue(
      issue?.path ?? [],
      (issue?.message ?? 'unknown').replace(/^Invalid input: /, ''),
    );
  }
  const settings = parsed.data;
  return {
    guests: parseGuests(given, settings),
    logicalProcessors: settings.logicalProcessors,
    stopOnEntry: settings.stopOnEntry,
    stopAtEnd: settings.stopAtEnd,
    sourceMap: Object.entries(settings.sourceMap ?? {}).map(([from, to]) => ({ from, to })),
    disassemblySyntax: settings.disassemblySyntax,
    isPaced: settings.pace === 'realTime',
    consoleLocation: settings.console?.location ?? 'debugConsole',
    consoleLineLength: settings.console?.lineLength ?? 4096,
    consoleLinesPerSecond: settings.console?.linesPerSecond ?? 2000,
  };
}

/** Schema of the launch arguments for the manifest's `configurationAttributes.launch`. */
export function launchArgumentsJsonSchema(): Record<string, unknown> {
  const { properties, required } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return { required: required ?? [], properties: properties ?? {}, additionalProperties: false };
}
