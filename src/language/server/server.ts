/** The language server: a table from requests to the functions that answer them. */
import {
  ErrorCodes,
  MarkupKind,
  ResponseError,
  TextDocumentSyncKind,
  TextDocuments,
  type Connection,
  type InitializeResult,
  type Location,
  type Position,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { completionsAt } from './completion';
import { definitionsAt, referencesAt, type Place } from './definition';
import { diagnose } from './diagnostics';
import { hoverAt } from './hover';
import { inlayHints } from './inlay-hints';
import { codeLenses, documentSymbols, foldingRanges } from './outline';
import type { Program } from './program';
import { renameableRangeAt, renameAt } from './rename';
import { Workspace, type FileReader } from './workspace';

const capabilities: InitializeResult['capabilities'] = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  hoverProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  codeLensProvider: {},
  inlayHintProvider: true,
  renameProvider: { prepareProvider: true },
  completionProvider: { triggerCharacters: ['.', '%'] },
};

interface PositionParams {
  readonly textDocument: { readonly uri: string };
  readonly position: Position;
}

function locationOf({ file, span }: Place): Location {
  return { uri: file.uri, range: file.rangeOf(span) };
}

/** Answers requests of `connection` until it closes. */
export function serve(connection: Connection, reader: FileReader): void {
  const workspace = new Workspace(reader);
  const documents = new TextDocuments(TextDocument);

  /** Answers with `answer`, or with nothing for a document that is not open. */
  function at<Answer>(
    { textDocument, position }: PositionParams,
    answer: (program: Program, offset: number) => Answer,
  ): Answer | null {
    const program = workspace.program(textDocument.uri);
    return program === undefined ? null : answer(program, program.main.offsetAt(position));
  }

  function publish(uri: string): void {
    const program = workspace.program(uri);
    const diagnostics = program === undefined ? [] : diagnose(program);
    void connection.sendDiagnostics({ uri, diagnostics });
  }

  documents.onDidChangeContent(({ document }) => {
    workspace.update(document);
    // What one file defines, another one may use.
    workspace.openUris().forEach(publish);
  });
  documents.onDidClose(({ document }) => {
    workspace.close(document.uri);
    publish(document.uri);
  });

  connection.onInitialize(() => ({ capabilities, serverInfo: { name: 'Guest Assembly' } }));
  connection.onHover((params) =>
    at(params, (program, offset) => {
      const hover = hoverAt(program, offset);
      if (hover === undefined) return null;
      const contents = { kind: MarkupKind.Markdown, value: hover.markdown };
      return { contents, range: program.main.rangeOf(hover.span) };
    }),
  );
  connection.onDefinition((params) =>
    at(params, (program, offset) => definitionsAt(program, offset).map(locationOf)),
  );
  connection.onReferences((params) =>
    at(params, (program, offset) =>
      referencesAt(program, offset, params.context.includeDeclaration).map(locationOf),
    ),
  );
  connection.onPrepareRename((params) =>
    at(params, (program, offset) => renameableRangeAt(program, offset) ?? null),
  );
  connection.onRenameRequest((params) =>
    at(params, (program, offset) => {
      const changes = renameAt(program, offset, params.newName);
      if (typeof changes !== 'string') return { changes };
      return new ResponseError(ErrorCodes.InvalidRequest, changes);
    }),
  );
  connection.onCompletion((params) => at(params, completionsAt));
  connection.onDocumentSymbol(({ textDocument }) => {
    const program = workspace.program(textDocument.uri);
    return program === undefined ? [] : documentSymbols(program.main);
  });
  connection.onFoldingRanges(({ textDocument }) => {
    const program = workspace.program(textDocument.uri);
    return program === undefined ? [] : foldingRanges(program.main);
  });
  connection.languages.inlayHint.on(({ textDocument, range }) => {
    const program = workspace.program(textDocument.uri);
    return program === undefined ? [] : inlayHints(program.main, range);
  });
  connection.onCodeLens(({ textDocument }) => {
    const program = workspace.program(textDocument.uri);
    return program === undefined ? [] : codeLenses(program.main);
  });
  documents.listen(connection);
  connection.listen();
}
