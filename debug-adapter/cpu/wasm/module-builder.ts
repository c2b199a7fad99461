/** Assembles a WebAssembly module (core specification 5.5) from imported and own functions. */
import { ByteWriter } from './byte-writer';
import type { FunctionBody, WasmType } from './function-body';
import { valueType } from './opcodes';

/** A function that the host provides. */
export interface ImportedFunction {
  readonly name: string;
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

const sectionId = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const importKind = { function: 0, table: 1, memory: 2 } as const;
const functionReference = 0x70;
const functionTypeTag = 0x60;

/** Type of the functions behind the table, which `callIndirect` calls. */
export interface IndirectType {
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
}

/**
 * Encodes a module whose imports are module `m`: the memory `memory`, the table `table` where `indirect` says what it
 * calls through it, then `imports`. Own function n is exported as `f<n>` for each n in `exported`.
 */
export function buildModule(
  imports: readonly ImportedFunction[],
  functions: readonly FunctionBody[],
  exported: readonly number[],
  indirect?: IndirectType,
): Uint8Array {
  const types = new TypeTable();
  if (indirect !== undefined) types.indexOf(indirect.parameters, indirect.results);
  const importTypes = imports.map((entry) => types.indexOf(entry.parameters, entry.results));
  const ownTypes = functions.map((body) => types.indexOf(body.parameters, body.results));
  const out = new ByteWriter();
  out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
  section(out, sectionId.type, types.encode());
  section(out, sectionId.import, encodeImports(imports, importTypes, indirect !== undefined));
  section(
    out,
    sectionId.function,
    vector(ownTypes, (item, writer) => writer.unsigned(item)),
  );
  section(
    out,
    sectionId.export,
    vector(exported, (index, writer) =>
      writer
        .name(`f${index}`)
        .byte(importKind.function)
        .unsigned(imports.length + index),
    ),
  );
  const bodies = functions.map((body) => body.encode());
  section(
    out,
    sectionId.code,
    vector(bodies, (bytes, writer) => writer.unsigned(bytes.length).bytes(bytes)),
  );
  return out.finish();
}

/** A module that does not call through the table does not import it: the engine keeps every user of a table alive. */
function encodeImports(
  imports: readonly ImportedFunction[],
  types: readonly number[],
  usesTable: boolean,
): Uint8Array {
  const writer = new ByteWriter();
  writer.unsigned(imports.length + (usesTable ? 2 : 1));
  // The limits only demand a minimum; the host brings a memory of its final size.
  writer.name('m').name('memory').byte(importKind.memory).byte(0).unsigned(1);
  if (usesTable) {
    writer.name('m').name('table').byte(importKind.table).byte(functionReference);
    writer.byte(0).unsigned(1);
  }
  imports.forEach((entry, index) => {
    writer
      .name('m')
      .name(entry.name)
      .byte(importKind.function)
      .unsigned(types[index] ?? 0);
  });
  return writer.finish();
}

function vector<T>(items: readonly T[], encode: (item: T, writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.unsigned(items.length);
  for (const item of items) encode(item, writer);
  return writer.finish();
}

function section(out: ByteWriter, id: number, content: Uint8Array): void {
  out.byte(id).unsigned(content.length).bytes(content);
}

class TypeTable {
  private readonly keys: string[] = [];
  private readonly entries: (readonly [readonly WasmType[], readonly WasmType[]])[] = [];

  indexOf(parameters: readonly WasmType[], results: readonly WasmType[]): number {
    const key = `${parameters.join()}>${results.join()}`;
    const known = this.keys.indexOf(key);
    if (known >= 0) return known;
    this.keys.push(key);
    this.entries.push([parameters, results]);
    return this.keys.length - 1;
  }

  encode(): Uint8Array {
    return vector(this.entries, ([parameters, results], writer) => {
      writer.byte(functionTypeTag);
      for (const list of [parameters, results]) {
        writer.unsigned(list.length);
        for (const type of list) writer.byte(valueType[type]);
      }
    });
  }
}
