// The repository's source files, read once, with what the checks need to know about each.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository, without a trailing slash. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Specifiers of all imports, type imports and re-exports as they are written. */
  readonly imports: readonly string[];
  /** Syntax tree, made on first use. */
  readonly tree: () => ts.SourceFile;
}

const sourceFolders = ['debug-adapter', 'src', 'test', 'scripts'];
const sourceExtensions = /\.(ts|mjs|cjs)$/;

function walk(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : walk(path);
      return sourceExtensions.test(entry.name) ? [path] : [];
    });
}

function load(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
  let tree: ts.SourceFile | undefined;
  return {
    path,
    text,
    lines: text.split('\n'),
    imports,
    tree: () => (tree ??= ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)),
  };
}

/** Every TypeScript and JavaScript file of ours. */
export const sourceFiles: readonly SourceFile[] = sourceFolders.flatMap(walk).map(load);

const known = new Set(sourceFiles.map((file) => file.path));

/**
 * The file that a relative import names, relative to the repository.
 * @returns undefined for packages and for files that are not source
 */
export function resolveImport(from: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(from.path), specifier);
  return [target, `${target}.ts`, `${target}/index.ts`].find((path) => known.has(path));
}

/** The source file at a path. */
export function sourceFile(path: string): SourceFile | undefined {
  return sourceFiles.find((file) => file.path === path);
}

/** All files below a folder of the repository, relative to it, with forward slashes. */
export function filesBelow(folder: string): readonly string[] {
  const absolute = join(root, folder);
  return readdirSync(absolute, { recursive: true, encoding: 'utf8' })
    .map((name) => join(absolute, name))
    .filter((name) => statSync(name).isFile())
    .map((name) => relative(root, name).split(sep).join('/'));
}

/** Calls `visit` for `node` and everything below it. */
export function visitTree(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => visitTree(child, visit));
}

/** `path:line` of a node, as editors and terminals link it. */
export function placeOf(file: SourceFile, node: ts.Node): string {
  const { line } = file.tree().getLineAndCharacterOfPosition(node.getStart(file.tree()));
  return `${file.path}:${line + 1}`;
}
