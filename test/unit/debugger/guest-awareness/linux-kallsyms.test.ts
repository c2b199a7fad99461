// The kernel's own symbol table: the three layouts of the tables, and images that have none.
import assert from 'node:assert/strict';
import { readKallsyms } from '../../../../debug-adapter/debugger/guest-awareness/linux-kallsyms';
import { SeededRandom } from '../../../support/seeded-random';

const base = 0xffffffff81000000n;

interface Layout {
  readonly name: string;
  readonly sequences: boolean;
  readonly addressesLast: boolean;
}

const layouts: readonly Layout[] = [
  { name: 'up to Linux 6.0', sequences: false, addressesLast: false },
  { name: 'in Linux 6.1', sequences: true, addressesLast: false },
  { name: 'from Linux 6.4 on', sequences: true, addressesLast: true },
];

/** Letters stand for themselves; other token numbers abbreviate. */
function tokenText(token: number): string {
  const isCharacter =
    (token >= 0x30 && token <= 0x39) || (token >= 0x41 && token <= 0x7a) || token === 0x2e;
  return isCharacter ? String.fromCharCode(token) : `_${token.toString(36)}x`;
}

/** A long name, whose length takes two bytes, among short ones. */
const names = Array.from({ length: 700 }, (_, index) =>
  index === 400 ? `T${'long_name'.repeat(20)}` : `${index % 2 === 0 ? 'T' : 'd'}name${index}`,
);

class ImageWriter {
  private readonly data: number[] = [];

  bytes(values: Iterable<number>): this {
    for (const value of values) this.data.push(value);
    return this;
  }

  number(value: bigint, size: number): this {
    for (let at = 0; at < size; at++) this.data.push(Number((value >> BigInt(8 * at)) & 0xffn));
    return this;
  }

  align(): this {
    while (this.data.length % 8 !== 0) this.data.push(0);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.data);
  }
}

function addresses(writer: ImageWriter): void {
  names.forEach((_, index) => writer.number(BigInt(-1 - index * 16), 4));
  writer.align().number(base, 8);
}

function writeNames(writer: ImageWriter): readonly number[] {
  const markers: number[] = [];
  let length = 0;
  names.forEach((name, index) => {
    if (index % 256 === 0) markers.push(length);
    const size = name.length;
    const head = size < 0x80 ? [size] : [(size & 0x7f) | 0x80, size >> 7];
    writer.bytes(head).bytes(Buffer.from(name));
    length += head.length + size;
  });
  writer.align();
  return markers;
}

function kernelImage({ sequences, addressesLast }: Layout): Uint8Array {
  const writer = new ImageWriter().bytes(Buffer.from('0\x001\x002\x00 not the table ')).align();
  writer.bytes(new Uint8Array(4096).fill(0x90));
  if (!addressesLast) addresses(writer);
  writer.number(BigInt(names.length), 4).align();
  for (const marker of writeNames(writer)) writer.number(BigInt(marker), 4);
  writer.align();
  if (sequences) names.forEach((_, index) => writer.bytes([0, index >> 8, index & 0xff]));
  writer.align();
  const offsets: number[] = [];
  let offset = 0;
  for (let token = 0; token < 256; token++) {
    offsets.push(offset);
    offset += tokenText(token).length + 1;
    writer.bytes(Buffer.from(`${tokenText(token)}\0`));
  }
  writer.align();
  for (const value of offsets) writer.number(BigInt(value), 2);
  writer.align();
  if (addressesLast) addresses(writer);
  return writer.bytes(new Uint8Array(64)).finish();
}

describe('kallsyms', () => {
  for (const layout of layouts) {
    it(`reads the tables as laid out ${layout.name}`, () => {
      const symbols = readKallsyms(kernelImage(layout))?.symbols ?? [];
      assert.equal(symbols.length, names.length);
      names.forEach((name, index) => {
        const symbol = symbols[index];
        assert.equal(symbol?.name, name.slice(1));
        assert.equal(symbol.address, base + BigInt(index * 16));
        assert.equal(symbol.kind, name.startsWith('T') ? 'code' : 'data');
        assert.equal(symbol.global, name.startsWith('T'));
      });
    });
  }

  it('finds nothing in an image without the tables', () => {
    assert.equal(readKallsyms(new Uint8Array(0)), undefined);
    assert.equal(readKallsyms(new Uint8Array(65536)), undefined);
    assert.equal(
      readKallsyms(Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00')),
      undefined,
    );
  });

  it('survives damaged tables', () => {
    const seed = Number(process.env.KALLSYMS_SEED ?? 20261128);
    const random = new SeededRandom(seed);
    const [layout] = layouts;
    assert.ok(layout !== undefined);
    for (let round = 0; round < 200; round++) {
      const image = kernelImage(layout);
      for (let change = 0; change < 8; change++)
        image[random.below(image.length)] = random.below(256);
      const cut = image.subarray(0, random.below(image.length + 1));
      assert.doesNotThrow(() => readKallsyms(cut), `seed ${seed}, round ${round}`);
    }
  });
});
