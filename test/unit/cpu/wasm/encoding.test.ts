// WebAssembly is encoded as its specification says: LEB128 numbers, sections, and bodies that an engine accepts.
import assert from 'node:assert/strict';
import { ByteWriter } from '../../../../debug-adapter/cpu/wasm/byte-writer';
import { FunctionBody } from '../../../../debug-adapter/cpu/wasm/function-body';
import { buildModule } from '../../../../debug-adapter/cpu/wasm/module-builder';
import { op } from '../../../../debug-adapter/cpu/wasm/opcodes';
import { SeededRandom, seedOf } from '../../../support/seeded-random';

const hex = (writer: ByteWriter): string => Buffer.from(writer.finish()).toString('hex');

/** Decodes a LEB128 number; `bits` where it is signed. */
function decode(bytes: Uint8Array, bits?: number): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
  }
  const last = bytes[bytes.length - 1] ?? 0;
  assert.ok(bytes.slice(0, -1).every((byte) => byte >= 0x80) && last < 0x80);
  return bits !== undefined && (last & 0x40) !== 0 ? value - (1n << shift) : value;
}

describe('LEB128 (WebAssembly 5.2.2)', () => {
  for (const [value, expected] of [
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [624485, 'e58e26'],
    [0x7fffffff, 'ffffffff07'],
    [0xffffffff, 'ffffffff0f'],
  ] as const) {
    it(`unsigned ${value}: ${expected}`, () => {
      assert.equal(hex(new ByteWriter().unsigned(value)), expected);
    });
  }

  for (const [value, expected] of [
    [0, '00'],
    [63, '3f'],
    [64, 'c000'],
    [-1, '7f'],
    [-64, '40'],
    [-65, 'bf7f'],
    [-123456, 'c0bb78'],
    [0x7fffffff, 'ffffffff07'],
    [-0x80000000, '8080808078'],
  ] as const) {
    it(`signed ${value}: ${expected}`, () => {
      assert.equal(hex(new ByteWriter().signed(value)), expected);
      assert.equal(hex(new ByteWriter().signed64(BigInt(value))), expected);
    });
  }

  it('64-bit limits', () => {
    const { signed64 } = ByteWriter.prototype;
    const encode = (value: bigint): string => hex(signed64.call(new ByteWriter(), value));
    assert.equal(encode(-(1n << 63n)), '8080808080808080807f');
    assert.equal(encode((1n << 63n) - 1n), 'ffffffffffffffffff00');
    assert.equal(encode(0xffffffffffffffffn), '7f', 'unsigned values are cut to 64 bits');
  });

  const seed = seedOf(5);
  it(`random numbers come back, seed ${seed}`, () => {
    const random = new SeededRandom(seed);
    for (let index = 0; index < 5000; index++) {
      const value = random.next() >>> random.below(32);
      assert.equal(decode(new ByteWriter().unsigned(value).finish()), BigInt(value));
      const signed = (random.next() | 0) >> random.below(32);
      assert.equal(decode(new ByteWriter().signed(signed).finish(), 32), BigInt(signed));
      const large = BigInt.asIntN(64, (BigInt(random.next()) << 32n) | BigInt(random.next()));
      assert.equal(decode(new ByteWriter().signed64(large).finish(), 64), large);
      const cut = large >> BigInt(random.below(64));
      const halves = new ByteWriter().signedHalves(
        Number(cut & 0xffffffffn) | 0,
        Number(cut >> 32n),
      );
      assert.deepEqual(halves.finish(), new ByteWriter().signed64(cut).finish());
    }
  });
});

describe('byte writer', () => {
  it('grows, and gives a copy', () => {
    const writer = new ByteWriter();
    for (let index = 0; index < 1000; index++) writer.byte(index & 0xff);
    writer.bytes(new Uint8Array(5000).fill(7));
    const bytes = writer.finish();
    assert.deepEqual([bytes.length, writer.size, bytes[999], bytes[1000]], [6000, 6000, 231, 7]);
    bytes[0] = 99;
    assert.equal(writer.finish()[0], 0);
  });

  it('writes names with their length', () => {
    assert.equal(hex(new ByteWriter().name('memory')), '066d656d6f7279');
  });
});

describe('modules (WebAssembly 5.5)', () => {
  type Exports = Readonly<Record<string, (...args: number[]) => number>>;

  function instantiate(bytes: Uint8Array, twice: (value: number) => number): Exports {
    assert.ok(WebAssembly.validate(new Uint8Array(bytes)));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const table = new WebAssembly.Table({ initial: 1, element: 'anyfunc' });
    const module = new WebAssembly.Module(new Uint8Array(bytes));
    // The module was built here: all of its exports are functions of numbers.
    return new WebAssembly.Instance(module, { m: { memory, table, twice } }).exports as Exports;
  }

  /** Sum of 1 to n by a loop, then the imported function. */
  function sum(): FunctionBody {
    const body = new FunctionBody(['i32'], ['i32']);
    const total = body.addLocal('i32');
    body.block('done').loop('again');
    body.get(0).op(op.i32Eqz).brIf('done');
    body.get(total).get(0).op(op.i32Add).set(total);
    body.get(0).i32(1).op(op.i32Sub).set(0);
    body.br('again').end().end();
    body.get(total).call(0);
    return body;
  }

  function classify(): FunctionBody {
    const body = new FunctionBody(['i32'], ['i32']);
    body.block('many').block('one').block('none');
    body.get(0).brTable(['none', 'one'], 'many');
    body.end().i32(100).op(op.return);
    body.end().i32(101).op(op.return);
    body.end().i32(-1);
    return body;
  }

  const imports = [{ name: 'twice', parameters: ['i32'], results: ['i32'] }] as const;

  it('run what their bodies say', () => {
    const exports = instantiate(buildModule(imports, [sum(), classify()], [0, 1]), (n) => n * 2);
    assert.equal(exports['f0']?.(10), 110);
    assert.deepEqual(
      [0, 1, 2, -1].map((value) => exports['f1']?.(value)),
      [100, 101, -1, -1],
    );
  });

  it('export only what they are told to', () => {
    const exports = instantiate(buildModule(imports, [sum(), classify()], [1]), (n) => n);
    assert.deepEqual(Object.keys(exports), ['f1']);
  });

  it('are the same bytes each time', () => {
    const build = (): Uint8Array => buildModule(imports, [sum(), classify()], [0]);
    assert.deepEqual(build(), build());
  });

  it('name blocks by name or by level', () => {
    const body = new FunctionBody(['i32'], ['i32']);
    body.block('outer');
    const { level } = body;
    // A block of the same name is the innermost one until it ends.
    body.block().block('outer').br('outer').end();
    body.get(0).brIf(level);
    body.i32(1).op(op.return).end();
    body.br('outer').end();
    body.i32(2);
    const exports = instantiate(buildModule([], [body], [0]), (n) => n);
    assert.deepEqual([exports['f0']?.(0), exports['f0']?.(1)], [1, 2]);
  });

  it('a branch to a label that encloses nothing is an invariant', () => {
    const body = new FunctionBody([], []);
    assert.throws(() => body.br('nowhere'), /nowhere/);
    assert.throws(() => body.block('gone').end().br('gone'), /gone/);
    assert.throws(() => body.br(0), /0/);
  });
});
