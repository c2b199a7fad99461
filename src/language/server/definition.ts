/** Where names are defined and used. */
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import type { Program } from './program';
import type { SourceFile } from './source-file';
import { stringContents, type LocalLabel } from './symbols';
import type { Span, Token } from './token';

/** A stretch of a file. */
export interface Place {
  readonly file: SourceFile;
  readonly span: Span;
}

/**
 * The local label that a reference such as `1f` or `1b` means.
 * @returns undefined where `token` is no such reference, or there is no such label
 */
export function findLocalLabel(file: SourceFile, token: Token): LocalLabel | undefined {
  const match = token.kind === 'number' ? /^(\d+)([fb])$/.exec(token.text) : null;
  if (match === null) return undefined;
  const candidates = file.symbols.localLabels.filter(({ name }) => name === match[1]);
  return match[2] === 'f'
    ? candidates.find(({ span }) => span.start > token.start)
    : candidates.filter(({ span }) => span.start < token.start).at(-1);
}

/** The name that `token` refers to, without the marks of a register or a macro parameter. */
function nameOf(token: Token): string | undefined {
  if (token.kind !== 'name' || token.text.startsWith('%') || token.text.startsWith('\\')) {
    return undefined;
  }
  return token.text;
}

/** The parameter of the surrounding macro that `\name` stands for. */
function macroParameter(program: Program, token: Token): Place[] {
  const { main } = program;
  const name = token.text.slice(1);
  const macro = main.symbols.definitions.find(
    ({ kind, extent }) =>
      kind === 'macro' && extent.start <= token.start && token.end <= extent.end,
  );
  const header = main.tree.statements.find(({ start }) => start === macro?.extent.start);
  const parameter = header?.operands
    .flatMap(({ tokens }) => tokens)
    .find(({ text, start }) => text === name && start !== macro?.span.start);
  return parameter === undefined ? [] : [{ file: main, span: parameter }];
}

/** Every place that defines what stands at `offset`; empty where there is none. */
export function definitionsAt(program: Program, offset: number): readonly Place[] {
  const { main } = program;
  const token = main.tokenAt(offset);
  if (token === undefined) return [];
  if (token.kind === 'string') {
    const isInclude = main.symbols.includes.some(({ start }) => start === token.start);
    const file = isInclude ? program.includedFile(stringContents(token)) : undefined;
    return file === undefined ? [] : [{ file, span: { start: 0, end: 0 } }];
  }
  const local = findLocalLabel(main, token);
  if (local !== undefined) return [{ file: main, span: local.span }];
  if (token.kind === 'name' && token.text.startsWith('\\')) return macroParameter(program, token);
  const name = nameOf(token);
  if (name === undefined) return [];
  return program
    .definitionsOf(name)
    .map(({ file, definition }) => ({ file, span: definition.span }));
}

/** Every use of the name at `offset` in the program's files; definitions count as uses where wanted. */
export function referencesAt(
  program: Program,
  offset: number,
  includeDefinitions: boolean,
): readonly Place[] {
  const { main } = program;
  const token = main.tokenAt(offset);
  if (token === undefined) return [];
  const definitionStarts = new Set(
    definitionsAt(program, offset).map(({ file, span }) => `${file.uri} ${span.start}`),
  );
  const isWanted = ({ file, span }: Place): boolean =>
    includeDefinitions || !definitionStarts.has(`${file.uri} ${span.start}`);
  return usesOf(program, token).filter(isWanted);
}

function usesOf(program: Program, token: Token): readonly Place[] {
  const { main } = program;
  const local =
    findLocalLabel(main, token) ??
    main.symbols.localLabels.find(({ span }) => span.start === token.start);
  if (local !== undefined) {
    const uses = main.tree.tokens.filter((other) => findLocalLabel(main, other) === local);
    return [{ file: main, span: local.span }, ...uses.map((span) => ({ file: main, span }))];
  }
  const name = nameOf(token);
  if (name === undefined || findRegister(name) !== undefined) return [];
  if (program.definitionsOf(name).length === 0) return [];
  return program.files.flatMap((file) =>
    file.tree.tokens
      .filter(({ kind, text }) => kind === 'name' && text === name)
      .map((span) => ({ file, span })),
  );
}
