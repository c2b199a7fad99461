/** What is wrong, or likely to be wrong, in a source file. */
import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver';
import { findInstruction } from '../../../debug-adapter/spec/x86/instructions';
import { findRegister } from '../../../debug-adapter/spec/x86/registers';
import { findLocalLabel } from './definition';
import { findDirective } from './directives';
import { entryLabel } from './outline';
import type { Program } from './program';
import type { SourceFile } from './source-file';
import type { Statement } from './syntax-tree';
import type { Span, Token } from './token';

/** Words of Intel syntax in operands that are no names of the program. */
const operandWords = new Set(
  (
    'byte word dword fword qword tbyte oword xmmword ymmword zmmword ptr offset flat short near far ' +
    'and or xor not shl shr mod eq ne lt le gt ge st'
  ).split(' '),
);

/** Directives whose operands are expressions; in others, names may be anything. */
const expressionDirectives = new Set(
  (
    '.byte .word .short .hword .2byte .long .int .4byte .quad .8byte .skip .space .zero .fill .org ' +
    '.align .balign .p2align .equ .set .equiv .if .ifeq .ifne .rept'
  ).split(' '),
);

const assigningDirectives = new Set(['.equ', '.set', '.equiv']);

/** Most diagnostics that one file gets; a file that is no assembly at all would drown the list. */
const maximumDiagnostics = 200;

class DiagnosticCollector {
  readonly found: Diagnostic[] = [];
  private readonly file: SourceFile;

  constructor(private readonly program: Program) {
    this.file = program.main;
  }

  collect(): void {
    for (const error of this.file.tree.errors) {
      this.add(error, DiagnosticSeverity.Error, 'syntax', error.message);
    }
    for (const include of this.program.missingIncludes) {
      const message = `The file ${include.path} was not found, beside this file or in an include folder.`;
      this.add(include, DiagnosticSeverity.Warning, 'missing-include', message);
    }
    this.checkDuplicates();
    for (const statement of this.file.tree.statements) {
      if (statement.insideMacro !== undefined) continue;
      this.checkName(statement);
      this.checkOperands(statement);
    }
  }

  private add(span: Span, severity: DiagnosticSeverity, code: string, message: string): void {
    if (this.found.length >= maximumDiagnostics) return;
    const range = this.file.rangeOf(span);
    this.found.push({ range, severity, code, message, source: 'guest assembly' });
  }

  private checkDuplicates(): void {
    const seen = new Map<string, Span>();
    for (const { kind, name, span } of this.file.symbols.definitions) {
      const first = seen.get(name);
      if (kind === 'label' && first !== undefined) {
        const line = this.file.rangeOf(first).start.line + 1;
        const message = `${name} is already defined in line ${line}.`;
        this.add(span, DiagnosticSeverity.Error, 'duplicate-label', message);
      }
      if (kind !== 'macro' && first === undefined) seen.set(name, span);
    }
  }

  private checkName({ name, kind }: Statement): void {
    if (name === undefined || name.text.includes('\\')) return;
    if (kind === 'directive' && findDirective(name.text) === undefined) {
      const message = `Unknown directive ${name.text}.`;
      this.add(name, DiagnosticSeverity.Hint, 'unknown-directive', message);
    }
    if (kind !== 'instruction' || !this.program.isComplete) return;
    const isMacro = this.program.definitionsOf(name.text).some(isMacroDefinition);
    if (isMacro || findInstruction(name.text) !== undefined) return;
    const message = `Unknown mnemonic ${name.text}: no instruction or macro that is known here has this name.`;
    this.add(name, DiagnosticSeverity.Hint, 'unknown-mnemonic', message);
  }

  private checkOperands(statement: Statement): void {
    for (const token of operandTokens(statement)) {
      if (token.kind === 'number') this.checkLocalLabel(token);
      if (token.kind !== 'name' || !mayBeUndefined(token.text)) continue;
      const placed = this.program.definitionsOf(token.text);
      if (placed.length === 0) this.reportUndefined(token);
      else if (statement.isIntel && statement.kind === 'instruction') this.checkForwardUse(token);
    }
  }

  private checkLocalLabel(token: Token): void {
    if (!/^\d+[fb]$/.test(token.text) || /^0b/.test(token.text)) return;
    if (findLocalLabel(this.file, token) !== undefined) return;
    const where = token.text.endsWith('f') ? 'below' : 'above';
    const message = `There is no local label ${token.text.slice(0, -1)} ${where} this line.`;
    this.add(token, DiagnosticSeverity.Error, 'undefined-label', message);
  }

  private reportUndefined(token: Token): void {
    // A missing file may define anything; and only a file with the entry is known to be the whole program:
    // in any other one the name may come from another object file, or from whoever includes it.
    if (!this.program.isComplete || this.program.definitionsOf(entryLabel).length === 0) return;
    if (this.program.isDeclared(token.text)) return;
    const message = `${token.text} is not defined in this file or in the files it includes.`;
    this.add(token, DiagnosticSeverity.Warning, 'undefined-label', message);
  }

  private checkForwardUse(token: Token): void {
    const definition = this.file.symbols.definitions.find(({ name }) => name === token.text);
    if (definition?.kind !== 'constant' || definition.span.start < token.start) return;
    const known = this.program.definitionsOf(token.text);
    if (known.some(({ file }) => file !== this.file)) return;
    const message =
      `${token.text} gets its value further down. In Intel syntax the assembler then takes it for a label ` +
      'and reads memory instead of using the number: move the definition up.';
    this.add(token, DiagnosticSeverity.Warning, 'constant-used-early', message);
  }
}

function isMacroDefinition({ definition }: { definition: { kind: string } }): boolean {
  return definition.kind === 'macro';
}

function mayBeUndefined(name: string): boolean {
  if (name === '.' || /[%\\]/.test(name) || operandWords.has(name.toLowerCase())) return false;
  return findRegister(name) === undefined;
}

/** Tokens of a statement in which a name must be defined somewhere. */
function operandTokens({ kind, name, operands }: Statement): readonly Token[] {
  const all = operands.flatMap(({ tokens }) => tokens);
  switch (kind) {
    case 'instruction':
      return findInstruction(name?.text ?? '') === undefined ? [] : withoutAttributes(all);
    case 'directive': {
      const directive = name?.text.toLowerCase() ?? '';
      if (!expressionDirectives.has(directive)) return [];
      const skipped = assigningDirectives.has(directive) ? 1 : 0;
      return withoutAttributes(operands.slice(skipped).flatMap(({ tokens }) => tokens));
    }
    case 'assignment':
      return withoutAttributes(all);
    case 'empty':
      return [];
  }
}

/** Drops what follows an `@`, as in `name@PLT`. */
function withoutAttributes(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter((_, index) => tokens[index - 1]?.text !== '@');
}

/** Diagnostics of the program's main file, at most 200. */
export function diagnose(program: Program): Diagnostic[] {
  const collector = new DiagnosticCollector(program);
  collector.collect();
  return collector.found;
}
