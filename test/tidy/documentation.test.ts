// Contracts between parts are documented, export by export.
import ts from 'typescript';
import { expectNone } from './expect-none';
import { placeOf, sourceFiles, type SourceFile } from './source-files';

const documented = (path: string): boolean =>
  /^debug-adapter\/(machine|protocol)\//.test(path) ||
  path === 'debug-adapter/system/physical-machine.ts' ||
  path === 'debug-adapter/debugger/machine-control.ts';

function isExported(node: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
  );
}

/** A run of one-line constants shares the comment above its first line. */
function continuesGroup(
  file: SourceFile,
  node: ts.Statement,
  previous: ts.Statement | undefined,
): boolean {
  if (
    previous === undefined ||
    !ts.isVariableStatement(node) ||
    !ts.isVariableStatement(previous)
  ) {
    return false;
  }
  const tree = file.tree();
  const lineOf = (at: number): number => tree.getLineAndCharacterOfPosition(at).line;
  return lineOf(node.getStart(tree)) === lineOf(previous.getEnd()) + 1;
}

function undocumented(file: SourceFile): readonly string[] {
  const found: string[] = [];
  let previousIsFine = false;
  file.tree().statements.forEach((node, index, all) => {
    const grouped = continuesGroup(file, node, all[index - 1]) && previousIsFine;
    const hasComment = (ts.getJSDocCommentsAndTags(node) ?? []).length > 0;
    previousIsFine = hasComment || grouped;
    if (isExported(node) && !ts.isExportDeclaration(node) && !previousIsFine) {
      found.push(`${placeOf(file, node)}: document this export: what it means, units, errors`);
    }
  });
  return found;
}

describe('documentation', () => {
  it('covers every export of the contracts', () => {
    const files = sourceFiles.filter((file) => documented(file.path));
    expectNone(files.flatMap(undocumented));
  });
});
