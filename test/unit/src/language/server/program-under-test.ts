/** Makes programs from texts in which `‸` marks the caret. */
import assert from 'node:assert/strict';
import { Program } from '../../../../../src/language/server/program';
import { SourceFile } from '../../../../../src/language/server/source-file';

export interface ProgramUnderTest {
  readonly program: Program;
  /** Offset of the caret; the end of the text where there is none. */
  readonly caret: number;
}

/** @param includes texts of other files by the path that an include names */
export function programOf(
  text: string,
  includes: Readonly<Record<string, string>> = {},
): ProgramUnderTest {
  const caret = text.includes('‸') ? text.indexOf('‸') : text.length;
  const main = SourceFile.of('file:///guest/main.s', text.replace('‸', ''));
  const program = new Program(main, (_, path) => {
    const found = includes[path];
    return found === undefined ? undefined : SourceFile.of(`file:///guest/${path}`, found);
  });
  return { program, caret };
}

/** Line number, from 1, of an offset. */
export function lineOf(file: SourceFile, offset: number): number {
  assert.ok(offset >= 0 && offset <= file.text.length);
  return file.text.slice(0, offset).split('\n').length;
}
