// Files are short, begin by saying what they are for, and look alike.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import ts from 'typescript';
import { expectNone } from './expect-none';
import { placeOf, sourceFiles, visitTree, type SourceFile } from './source-files';

const fileLinesMax = 700;
const functionLinesMax = 70;
const columnsMax = 100;
const commentColumnsMax = 120;

/** Budgets over all product files; lower them when the code allows it, never raise them. */
const medianLinesMax = 150;
const p90LinesMax = 400;

const isTable = (file: SourceFile): boolean => file.text.startsWith('// Table:');
const product = sourceFiles.filter((file) => /^(debug-adapter|src)\//.test(file.path));

function header(file: SourceFile): string {
  const first = file.lines[0]?.startsWith('#!') ? file.lines[1] : file.lines[0];
  if (first?.startsWith('//')) return first.slice(2).trim();
  if (!first?.startsWith('/**')) return '';
  return `${first} ${file.lines[1] ?? ''}`.replace(/^\/\*\*|\*\/|\*/g, '').trim();
}

/** Lines of code of a function: blank lines and comment lines do not count. */
function codeLines(file: SourceFile, node: ts.Node): number {
  const tree = file.tree();
  const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
  const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
  return file.lines.slice(first, last + 1).filter((line) => !/^\s*($|\/\/|\/\*|\*)/.test(line))
    .length;
}

function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * fraction)] ?? 0;
}

/** True where the assertion's line or the line above carries a comment that says why it holds. */
function hasReason(file: SourceFile, node: ts.Node): boolean {
  const { line } = file.tree().getLineAndCharacterOfPosition(node.getStart(file.tree()));
  const end = file.tree().getLineAndCharacterOfPosition(node.getEnd()).line;
  return file.lines.slice(Math.max(0, line - 1), end + 1).some((text) => /\/\/|\*\//.test(text));
}

describe('form of files', () => {
  it('begins with a sentence that says what the file is for', () => {
    expectNone(
      sourceFiles.flatMap((file) =>
        /[\w)`’'"].*[.?!:)`]?$/.test(header(file)) && header(file).length > 15
          ? []
          : [`${file.path}:1: write one sentence about the file's role as its first line`],
      ),
    );
  });

  it(`has at most ${fileLinesMax} lines, tables excepted`, () => {
    expectNone(
      sourceFiles.flatMap((file) =>
        file.lines.length - 1 <= fileLinesMax || isTable(file)
          ? []
          : [`${file.path}: ${file.lines.length - 1} lines; split it by topic`],
      ),
    );
  });

  it(`has a median of ${medianLinesMax} and a 90th percentile of ${p90LinesMax} lines at most`, () => {
    const sizes = product.filter((file) => !isTable(file)).map((file) => file.lines.length - 1);
    assert.ok(percentile(sizes, 0.5) <= medianLinesMax, `median is ${percentile(sizes, 0.5)}`);
    assert.ok(
      percentile(sizes, 0.9) <= p90LinesMax,
      `90th percentile is ${percentile(sizes, 0.9)}`,
    );
  });

  it(`has functions of at most ${functionLinesMax} lines of code`, () => {
    expectNone(
      product.flatMap((file) => {
        const found: string[] = [];
        visitTree(file.tree(), (node) => {
          if (!ts.isFunctionLike(node) || isTable(file)) return;
          const lines = codeLines(file, node);
          if (lines > functionLinesMax) {
            found.push(`${placeOf(file, node)}: a function of ${lines} lines; split it`);
          }
        });
        return found;
      }),
    );
  });

  it('has unix line ends, a final newline, no tabs, no trailing blanks', () => {
    expectNone(
      sourceFiles.flatMap((file) => {
        const problems = [
          ...(file.text.includes('\r') ? ['carriage returns'] : []),
          ...(file.text.endsWith('\n') ? [] : ['no final newline']),
          ...(file.text.includes('\t') ? ['tabs'] : []),
          ...(/[ ]\n/.test(file.text) ? ['blanks at line ends'] : []),
        ];
        return problems.map((problem) => `${file.path}: ${problem}; run "npm run format"`);
      }),
    );
  });

  it(`has lines of at most ${columnsMax} columns, comments of ${commentColumnsMax}`, () => {
    expectNone(
      sourceFiles
        .filter((file) => !isTable(file))
        .flatMap((file) =>
          file.lines.flatMap((line, index) => {
            const isComment = /^\s*(\/\/|\*|\/\*)/.test(line);
            const fits = line.length <= (isComment ? commentColumnsMax : columnsMax);
            // A string or a regular expression cannot be broken by the formatter.
            return fits || /['"`/].{60}/.test(line)
              ? []
              : [`${file.path}:${index + 1}: ${line.length} columns; run "npm run format"`];
          }),
        ),
    );
  });

  it('has names in kebab-case that say what the file is', () => {
    const banned =
      /^(util|utils|common|base|helper|helpers|misc|manager|types)\b|-(util|utils|helper|helpers|manager)\b/;
    expectNone(
      sourceFiles.flatMap((file) => {
        const name = basename(file.path).replace(/(\.test|\.saved-state)?\.\w+$/, '');
        return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && !banned.test(name)
          ? []
          : [`${file.path}: rename it after what it is, in kebab-case`];
      }),
    );
  });

  it('asserts types only where a comment says why that holds', () => {
    expectNone(
      product.flatMap((file) => {
        const found: string[] = [];
        visitTree(file.tree(), (node) => {
          if (!ts.isAsExpression(node) || node.type.getText() === 'const') return;
          if (!hasReason(file, node)) {
            found.push(
              `${placeOf(file, node)}: "as" needs a comment with its reason, or better a check`,
            );
          }
        });
        return found;
      }),
    );
  });

  it('leaves no unfinished business behind', () => {
    const marks = new RegExp(
      `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`,
    );
    expectNone(
      sourceFiles.flatMap((file) =>
        file.lines.flatMap((line, index) =>
          marks.test(line) ? [`${file.path}:${index + 1}: do it, or write a decision record`] : [],
        ),
      ),
    );
  });
});
