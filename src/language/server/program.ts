/** A source file together with everything it includes: the unit in which names have a meaning. */
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import { evaluate } from './expression';
import type { SourceFile } from './source-file';
import type { IncludeReference, SymbolDefinition } from './symbols';

/** Finds the file that an include in `from` means; undefined where there is none. */
export type IncludeResolver = (from: SourceFile, path: string) => SourceFile | undefined;

/** Where a name is defined. */
export interface PlacedDefinition {
  readonly file: SourceFile;
  readonly definition: SymbolDefinition;
}

const maximumFiles = 64;
const maximumNesting = 32;

export class Program {
  /** The file itself first, then what it includes, in order. */
  readonly files: readonly SourceFile[];
  /** Includes of the main file that were not found. */
  readonly missingIncludes: readonly IncludeReference[];
  private readonly byName = new Map<string, PlacedDefinition[]>();
  private readonly values = new Map<string, bigint | undefined>();
  private nesting = 0;

  constructor(
    readonly main: SourceFile,
    private readonly resolveInclude: IncludeResolver,
  ) {
    const files = [main];
    const missing: IncludeReference[] = [];
    for (let index = 0; index < files.length && files.length < maximumFiles; index++) {
      const file = files[index] ?? main;
      for (const include of file.symbols.includes) {
        const found = resolveInclude(file, include.path);
        if (found === undefined) missing.push(include);
        else if (!files.some(({ uri }) => uri === found.uri)) files.push(found);
      }
    }
    this.files = files;
    this.missingIncludes = missing.filter((include) => main.symbols.includes.includes(include));
    this.isComplete = missing.length === 0;
    for (const file of files) {
      for (const definition of file.symbols.definitions) {
        const known = this.byName.get(definition.name);
        if (known === undefined) this.byName.set(definition.name, [{ file, definition }]);
        else known.push({ file, definition });
      }
    }
  }

  /** False where a file is missing, so that an unknown name may be defined there. */
  readonly isComplete: boolean;

  /** The file that an include of the main file means. */
  includedFile(path: string): SourceFile | undefined {
    return this.resolveInclude(this.main, path);
  }

  definitionsOf(name: string): readonly PlacedDefinition[] {
    return this.byName.get(name) ?? [];
  }

  /** Every definition of every file. */
  get definitions(): readonly PlacedDefinition[] {
    return [...this.byName.values()].flat();
  }

  isDeclared(name: string): boolean {
    return this.files.some(({ symbols }) => symbols.declared.has(name));
  }

  /** Value of a constant as a signed 64-bit number; undefined for all other names and for circles. */
  valueOf(name: string): bigint | undefined {
    if (this.values.has(name)) return this.values.get(name);
    const definition = this.definitionsOf(name)[0]?.definition;
    if (definition?.kind !== 'constant' || findRegister(name) !== undefined) return undefined;
    if (this.nesting >= maximumNesting) return undefined;
    this.values.set(name, undefined);
    this.nesting++;
    const value = evaluate(definition.value, (inner) => this.valueOf(inner));
    this.nesting--;
    this.values.set(name, value);
    return value;
  }
}
