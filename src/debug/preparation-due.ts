/** Says whether the debug adapter's program is to be prepared for its first session, and what it was prepared for. */

/** Where an extension is activated. */
export interface PreparationPlace {
  readonly isTrusted: boolean;
  /** The setting `hyperscope.prepareOnActivation`. */
  readonly isWanted: boolean;
  /** The setting `hyperscope.debugServerPort`; 0 where the bundled adapter is started. */
  readonly debugServerPort: number;
  /** What a preparation would be for: see {@link preparedFor}. */
  readonly wanted: string;
  /** What the last one that went well on this computer was for; undefined where there was none. */
  readonly done: string | undefined;
}

/** @returns why nothing is to be started, as a sentence; undefined where it is due */
export function reasonNotToPrepare(place: PreparationPlace): string | undefined {
  if (!place.isTrusted) return 'The workspace is not trusted.';
  if (!place.isWanted) return 'The setting hyperscope.prepareOnActivation is off.';
  if (place.debugServerPort > 0) return 'The debug adapter is one that you start.';
  if (place.done === place.wanted) return 'The debug adapter was prepared before.';
  return undefined;
}

/** What compiled code depends on. */
export interface ProgramAndEngine {
  /** Version of the extension. */
  readonly version: string;
  /** Size in bytes and time of the last change of the program: a version under development has many. */
  readonly size: number;
  readonly changedMs: number;
  readonly versions: { readonly v8: string; readonly electron?: string | undefined };
  readonly architecture: string;
  /** NODE_OPTIONS, which the process inherits. */
  readonly nodeOptions: string | undefined;
}

/** One version of the program under one engine, as a line of text. */
export function preparedFor(program: ProgramAndEngine): string {
  const { version, size, changedMs, versions, architecture, nodeOptions } = program;
  const engine = [versions.v8, versions.electron ?? 'node', architecture, nodeOptions ?? ''];
  return [version, size, Math.trunc(changedMs), ...engine].join(' ');
}
