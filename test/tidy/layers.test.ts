// Imports follow the layer table, form no cycles, and leave no file unreachable.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expectNone } from './expect-none';
import { layerOf, layers, type Layer } from './layer-table';
import { resolveImport, root, sourceFile, sourceFiles, type SourceFile } from './source-files';

function allowsPackage(layer: Layer, name: string): boolean {
  if (name.startsWith('node:')) return layer.node === true;
  return layer.packages.some(
    (allowed) =>
      allowed === '*' || allowed === name || (allowed.endsWith('/') && name.startsWith(allowed)),
  );
}

function allowsFile(layer: Layer, target: string): boolean {
  const targetLayer = layerOf(target);
  if (targetLayer === layer) return true;
  return layer.mayImport.some((folder) => target.startsWith(`${folder}/`));
}

function violations(file: SourceFile): readonly string[] {
  const layer = layerOf(file.path);
  if (layer === undefined) return [`${file.path}: belongs to no layer of test/tidy/layer-table.ts`];
  return file.imports.flatMap((specifier) => {
    if (!specifier.startsWith('.')) {
      return allowsPackage(layer, specifier)
        ? []
        : [`${file.path}: ${layer.folder} may not use the package ${specifier}`];
    }
    const target = resolveImport(file, specifier);
    if (target === undefined || allowsFile(layer, target)) return [];
    return [`${file.path}: ${layer.folder} may not import ${target}; move it or pass it in`];
  });
}

const graph = new Map(
  sourceFiles.map((file) => [
    file.path,
    file.imports.flatMap((specifier) => resolveImport(file, specifier) ?? []),
  ]),
);

/** A cycle through `start`, as the files on it, or undefined. */
function cycleFrom(start: string, done: Set<string>): readonly string[] | undefined {
  const path: string[] = [];
  const onPath = new Set<string>();
  const visit = (file: string): readonly string[] | undefined => {
    if (onPath.has(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    onPath.add(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    onPath.delete(file);
    done.add(file);
    return undefined;
  };
  return visit(start);
}

/** Every file that `starts` reach by imports, themselves included. */
function reachableFrom(starts: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const queue = [...starts];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    queue.push(...(graph.get(file) ?? []));
  }
  return reached;
}

const isEntryPoint = (path: string): boolean =>
  /^scripts\/([^/]+\.(ts|mjs|cjs)|.*\/build\.mjs)$/.test(path) ||
  /^test\/.*\.test\.ts$/.test(path) ||
  /^src\/webviews\/[^/]+\/main\.ts$/.test(path) ||
  [
    'debug-adapter/main.ts',
    'debug-adapter/start.ts',
    'debug-adapter/command-line/main.ts',
    'src/extension.ts',
    'src/language/server/main.ts',
    'test/extension/index.ts',
    'test/nightly/main.ts',
    'test/nightly/worker.ts',
    'test/nightly/boot.ts',
    'test/nightly/hypercalls.ts',
    'test/nightly/machines.ts',
    'test/nightly/saves.ts',
    'test/nightly/vmbus.ts',
    'test/oracles/chip-comparison.ts',
    'test/oracles/emulator-cases.ts',
    'test/oracles/event-log-speed.ts',
    'test/oracles/hardware-cases.ts',
    'test/oracles/panel-stops.ts',
    'test/oracles/traffic-speed.ts',
    'test/oracles/system-cases.ts',
    'scripts/vscode-host/stand-in-code.mjs',
    'scripts/vscode-host/receipt.cjs',
    'scripts/vscode-host/start-sample/extension.cjs',
  ].includes(path);

describe('layers', () => {
  it('imports follow the layer table', () => {
    expectNone(sourceFiles.flatMap(violations));
  });

  it('imports form no cycle', () => {
    const done = new Set<string>();
    const cycles = [...graph.keys()].map((file) => cycleFrom(file, done)?.join(' → '));
    const found = new Set(cycles.filter((cycle) => cycle !== undefined));
    expectNone([...found], 'break the cycle: move what both need into a third file');
  });

  for (const layer of layers.filter((each) => each.neverReaches !== undefined)) {
    it(`${layer.folder} reaches no ${layer.neverReaches?.join(' and no ')}, however indirectly`, () => {
      const own = sourceFiles.filter((file) => layerOf(file.path) === layer);
      const found = [...reachableFrom(own.map((file) => file.path))].flatMap((path) =>
        (sourceFile(path)?.imports ?? [])
          .filter((name) =>
            layer.neverReaches?.some(
              (banned) => name === banned || (banned.endsWith(':') && name.startsWith(banned)),
            ),
          )
          .map((name) => `${path} imports ${name}`),
      );
      expectNone(found);
    });
  }

  it('every file is reached from an entry point or a test', () => {
    const reached = reachableFrom([...graph.keys()].filter(isEntryPoint));
    const orphans = [...graph.keys()].filter((path) => !reached.has(path));
    expectNone(orphans, 'delete these files, or use them');
  });

  for (const layer of layers.filter((each) => each.folder.startsWith('debug-adapter/'))) {
    it(`${layer.folder}/tsconfig.json references what the table allows`, () => {
      const file = join(root, layer.folder, 'tsconfig.json');
      assert.ok(existsSync(file), `write ${layer.folder}/tsconfig.json`);
      const config: { references?: { path: string }[]; compilerOptions?: object } = JSON.parse(
        readFileSync(file, 'utf8'),
      );
      const references = (config.references ?? []).map(({ path }) =>
        posix.join(layer.folder, path),
      );
      assert.deepEqual(references.sort(), [...layer.mayImport].sort());
    });
  }
});
