/** Encodes the few terms of the ACPI machine language that our DSDT consists of (ACPI 6.5, chapter 20.2). */
import { amlOpcode as op } from '../../spec/pc/aml';
import { assert } from '../../support/assert';

/** Encoded terms. */
export type Aml = readonly number[];

function littleEndian(value: number, bytes: number): Aml {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);
}

/** An integer constant in its shortest form. */
export function integer(value: number): Aml {
  assert(Number.isSafeInteger(value) && value >= 0, 'an AML integer is a natural number');
  if (value === 0) return [op.ZeroOp];
  if (value === 1) return [op.OneOp];
  if (value <= 0xff) return [op.BytePrefix, value];
  if (value <= 0xffff) return [op.WordPrefix, ...littleEndian(value, 2)];
  if (value <= 0xffff_ffff) return [op.DWordPrefix, ...littleEndian(value, 4)];
  return [op.QWordPrefix, ...littleEndian(value, 8)];
}

/** An ASCII string. */
export function string(text: string): Aml {
  return [op.StringPrefix, ...[...text].map((letter) => letter.charCodeAt(0)), 0];
}

/** The compressed identifier of a device of an EISA vendor, `PNP0A03` (6.1.5). */
export function eisaId(text: string): Aml {
  const match = /^([A-Z]{3})([0-9A-F]{4})$/.exec(text);
  assert(match !== null, `${text} is an EISA identifier`);
  const [, letters = '', digits = ''] = match;
  const vendor = [...letters].reduce((sum, letter) => sum * 32 + (letter.charCodeAt(0) - 0x40), 0);
  const product = Number.parseInt(digits, 16);
  return [op.DWordPrefix, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff];
}

function nameSegment(name: string): Aml {
  assert(/^[A-Z_][A-Z0-9_]{0,3}$/.test(name), `${name} is an AML name`);
  return [...name.padEnd(4, '_')].map((letter) => letter.charCodeAt(0));
}

/** The length of what follows, counting itself (20.2.4). */
function packageLength(contentBytes: number): Aml {
  if (contentBytes + 1 < 64) return [contentBytes + 1];
  for (const extra of [1, 2, 3]) {
    const total = contentBytes + 1 + extra;
    if (total >= 2 ** (4 + 8 * extra)) continue;
    return [(extra << 6) | (total & 0xf), ...littleEndian(Math.floor(total / 16), extra)];
  }
  assert(false, 'an AML package is shorter than 256 MiB');
}

function withLength(opcode: Aml, content: Aml): Aml {
  return [...opcode, ...packageLength(content.length), ...content];
}

/** Gives an object a name in the present scope. */
export function name(segment: string, object: Aml): Aml {
  return [op.NameOp, ...nameSegment(segment), ...object];
}

export function scope(segment: string, ...terms: readonly Aml[]): Aml {
  return withLength([op.ScopeOp], [...nameSegment(segment), ...terms.flat()]);
}

export function device(segment: string, ...terms: readonly Aml[]): Aml {
  return withLength([op.ExtOpPrefix, op.DeviceOp], [...nameSegment(segment), ...terms.flat()]);
}

/** A method without arguments. */
export function method(segment: string, ...terms: readonly Aml[]): Aml {
  return withLength([op.MethodOp], [...nameSegment(segment), 0, ...terms.flat()]);
}

export function returned(object: Aml): Aml {
  return [op.ReturnOp, ...object];
}

export function packageOf(...elements: readonly Aml[]): Aml {
  return withLength([op.PackageOp], [elements.length, ...elements.flat()]);
}

export function buffer(bytes: Aml): Aml {
  return withLength([op.BufferOp], [...integer(bytes.length), ...bytes]);
}
