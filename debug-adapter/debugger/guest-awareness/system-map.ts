/** Reads System.map: the names of a Linux kernel as `nm` prints them, one in a line, in the order of addresses. */
import { LinuxBoot } from '../../spec/linux-boot';
import type { ElfSymbol } from '../symbols/elf64';
import { kernelSymbol } from './kernel-symbol';

const addressDigits = 16;
/** Address, blank, kind, blank. */
const nameColumn = addressDigits + 3;
const lineFeed = 10;
const blank = 0x20;
const symbolsMax = 4_000_000;
const linesTried = 16;
const nameCharactersMax = 512;

function readLine(bytes: Uint8Array, start: number, end: number): ElfSymbol | undefined {
  if (end - start <= nameColumn || bytes[start + addressDigits] !== blank) return undefined;
  const digits = String.fromCharCode(...bytes.subarray(start, start + addressDigits));
  if (!/^[0-9a-f]{16}$/.test(digits)) return undefined;
  const type = String.fromCharCode(bytes[start + addressDigits + 1] ?? 0);
  const name = String.fromCharCode(...bytes.subarray(start + nameColumn, end));
  return kernelSymbol(type, name, BigInt(`0x${digits}`));
}

/** True where the file looks like a System.map. */
export function isSystemMap(bytes: Uint8Array): boolean {
  return readLine(bytes, 0, bytes.indexOf(lineFeed)) !== undefined;
}

/** Symbols of the kernel's own addresses; what is per processor, and lines of another form, are left out. */
export function readSystemMap(bytes: Uint8Array): readonly ElfSymbol[] {
  const symbols: ElfSymbol[] = [];
  for (let start = 0, strange = 0; start < bytes.length && symbols.length < symbolsMax;) {
    const lineEnd = bytes.indexOf(lineFeed, start);
    const end = lineEnd < 0 ? bytes.length : lineEnd;
    const symbol = readLine(bytes, start, Math.min(end, start + nameColumn + nameCharactersMax));
    start = end + 1;
    if (symbol === undefined) {
      if (++strange > linesTried) break;
    } else if (symbol.address >= LinuxBoot.startKernelMap) {
      symbols.push(symbol);
    }
  }
  return symbols;
}
