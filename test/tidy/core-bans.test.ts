// The core uses no clock, no chance, no promise, no timer, no host: invariant 2 of debug-adapter/ARCHITECTURE.md.
import ts from 'typescript';
import {
  bannedGlobals,
  bannedMembers,
  bannedMethods,
  coreFolders,
} from '../../scripts/core-bans.mjs';
import { expectNone } from './expect-none';
import { placeOf, sourceFiles, visitTree, type SourceFile } from './source-files';

const globals = new Map<string, string>(Object.entries(bannedGlobals));
const members = new Map<string, string>(Object.entries(bannedMembers));

/** True for a name that stands for a value or type in scope, not for a property or a declaration. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  if (ts.isPropertyAssignment(parent) || ts.isEnumMember(parent)) return parent.name !== node;
  return !(
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent)
  );
}

/** Names that the file itself declares: a parameter called `console` is not the global one. */
function declaredNames(file: SourceFile): ReadonlySet<string> {
  const names = new Set<string>();
  visitTree(file.tree(), (node) => {
    const declares =
      ts.isParameter(node) ||
      ts.isVariableDeclaration(node) ||
      ts.isBindingElement(node) ||
      ts.isImportSpecifier(node);
    if (declares && ts.isIdentifier(node.name)) names.add(node.name.text);
  });
  return names;
}

function bareError(node: ts.Node): boolean {
  return (
    ts.isThrowStatement(node) &&
    ts.isNewExpression(node.expression) &&
    /^(\w*Error)$/.test(node.expression.expression.getText()) &&
    !['InvariantError', 'UserError'].includes(node.expression.expression.getText())
  );
}

function findings(file: SourceFile): readonly string[] {
  const found: string[] = [];
  const declared = declaredNames(file);
  const report = (node: ts.Node, what: string, instead: string): void => {
    found.push(`${placeOf(file, node)}: ${what}: ${instead}`);
  };
  visitTree(file.tree(), (node) => {
    if (ts.isIdentifier(node) && isReference(node) && !declared.has(node.text)) {
      const instead = globals.get(node.text);
      if (instead !== undefined) report(node, node.text, instead);
    }
    if (ts.isPropertyAccessExpression(node)) {
      const name = `${node.expression.getText()}.${node.name.text}`;
      const instead = members.get(name);
      if (instead !== undefined) report(node, name, instead);
      if (bannedMethods.test(node.name.text))
        report(node, name, 'its result depends on the locale');
    }
    if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) {
      report(node, 'async', 'the core is synchronous');
    }
    if (bareError(node))
      report(node, 'bare error', 'throw InvariantError or UserError of support/');
  });
  return found;
}

describe('bans in the core', () => {
  for (const folder of coreFolders) {
    it(`debug-adapter/${folder} keeps them`, () => {
      const files = sourceFiles.filter((file) => file.path.startsWith(`debug-adapter/${folder}/`));
      expectNone(files.flatMap(findings));
    });
  }
});
