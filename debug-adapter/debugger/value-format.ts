/** How the debugger writes values, and reads them back. */
import type { BitField } from '../support/bit-field';
import { decodeBits, namesOfSetBits } from '../support/bit-field';

/** Names an address, or nothing. */
export type AddressNamer = (address: bigint) => string | undefined;

const firstNamedAddress = 0x1000n;

/** `0x` and lower-case digits, without leading zeros. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** Hexadecimal, with the symbol where the value looks like an address in the image. */
export function formatAddress(value: bigint, nameOf: AddressNamer): string {
  const name = value >= firstNamedAddress ? nameOf(value) : undefined;
  return name === undefined ? hex(value) : `${hex(value)} <${name}>`;
}

/** Hexadecimal with the names of set bits: `0x80000011 [PE ET PG]`; wider fields as `IOPL=3`. */
export function formatBits(value: bigint, fields: readonly BitField[]): string {
  const single = namesOfSetBits(value, fields);
  const wide = decodeBits(
    value,
    fields.filter((field) => field.low !== field.high),
  )
    .filter((decoded) => decoded.value !== 0n)
    .map((decoded) => `${decoded.name}=${decoded.valueName ?? hex(decoded.value)}`);
  const names = [...single, ...wide];
  return names.length === 0 ? hex(value) : `${hex(value)} [${names.join(' ')}]`;
}

/** Hexadecimal, decimal (signed where the top bit is set), character and symbol, for hovers and the console. */
export function formatFully(value: bigint, bits: number, nameOf: AddressNamer): string {
  const signed = BigInt.asIntN(bits, value);
  const parts = [hex(value)];
  if (value > 9n) parts.push(`= ${signed < 0n ? `${value} = ${signed}` : value}`);
  if (bits === 8 && value >= 0x20n && value < 0x7fn) {
    parts.push(`= '${String.fromCharCode(Number(value))}'`);
  }
  const name = value >= firstNamedAddress ? nameOf(value) : undefined;
  if (name !== undefined) parts.push(`<${name}>`);
  return parts.join(' ');
}

/** Bytes as spaced hexadecimal: `48 89 e5`. */
export function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
