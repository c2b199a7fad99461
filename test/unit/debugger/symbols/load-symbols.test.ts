/** Where symbols come from, System.map, and names of a program that does not run where it was linked. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MemoryFileSource } from '../../../../debug-adapter/backends/file-source';
import {
  isSystemMap,
  readSystemMap,
} from '../../../../debug-adapter/debugger/guest-awareness/system-map';
import { KernelRelocation } from '../../../../debug-adapter/debugger/guest-awareness/kernel-relocation';
import { loadSymbols } from '../../../../debug-adapter/debugger/symbols/load-symbols';
import { SymbolIndex } from '../../../../debug-adapter/debugger/symbols/symbol-index';
import { nodeFileSource } from '../../../../debug-adapter/host/node-file-source';
import { vmcsEncoding } from '../../../../debug-adapter/machine/processor-state';
import { encodeUtf8 } from '../../../../debug-adapter/support/utf8';
import { UserError } from '../../../../debug-adapter/support/user-error';
import { BareProcessor } from '../../../support/bare-processor';

const hello = 'guests/hello-partition/hello-partition.elf';
const helloImage = { path: hello, bytes: new Uint8Array(readFileSync(hello)) };

const mapText = `0000000000000000 D __per_cpu_start
000000000001fbc0 d cpu_tss
ffffffff81000000 T startup_64
ffffffff81000000 T _text
ffffffff81001000 t local_function
ffffffff81a00040 T entry_SYSCALL_64
ffffffff82a00000 D init_task
a line of another kind
ffffffff83500000 D idt_table
`;
const map = encodeUtf8(mapText);

const mapIndex = (): SymbolIndex => new SymbolIndex(readSystemMap(map), [], [], []);

describe('System.map', () => {
  it('is recognized, and other texts are not', () => {
    assert.ok(isSystemMap(map));
    assert.ok(!isSystemMap(encodeUtf8('The real System.map is elsewhere.\n')));
    assert.ok(!isSystemMap(new Uint8Array(0)));
  });

  it('gives the kernel’s own names, not those of per-processor data', () => {
    const names = readSystemMap(map).map(({ name, kind, global }) => [name, kind, global]);
    assert.deepEqual(names, [
      ['startup_64', 'code', true],
      ['_text', 'code', true],
      ['local_function', 'code', false],
      ['entry_SYSCALL_64', 'code', true],
      ['init_task', 'data', true],
      ['idt_table', 'data', true],
    ]);
  });

  it('of a whole kernel takes less than a second', () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => {
      const address = (0xffffffff81000000n + BigInt(index * 64)).toString(16);
      return `${address} t some_function_of_the_kernel_${index}\n`;
    });
    const bytes = encodeUtf8(lines.join(''));
    const before = process.cpuUsage();
    const index = new SymbolIndex(readSystemMap(bytes), [], [], []);
    const { user } = process.cpuUsage(before);
    assert.equal(index.nameOf(0xffffffff81000041n), 'some_function_of_the_kernel_1+0x1');
    assert.ok(user < 3_000_000, `${user / 1000} ms, three times the aim`);
  });
});

describe('symbols', () => {
  const files = new MemoryFileSource(
    new Map([
      ['map', map],
      ['elf', helloImage.bytes],
      ['text', encodeUtf8('no symbols here')],
    ]),
  );
  const sources = { image: helloImage, symbolFiles: [], kernel: undefined };

  it('come from the image', () => {
    assert.equal(loadSymbols(sources, files).symbols.addressOf('_start'), 0x100000n);
  });

  it('come from the files that are named instead, all of them', () => {
    const { symbols } = loadSymbols({ ...sources, symbolFiles: ['map', 'elf'] }, files);
    assert.equal(symbols.addressOf('_text'), 0xffffffff81000000n);
    assert.equal(symbols.addressOf('_start'), 0x100000n);
    assert.ok(symbols.hasLines);
  });

  it('come from a file on disk, read by ranges', () => {
    const { symbols } = loadSymbols({ ...sources, symbolFiles: [hello] }, nodeFileSource);
    assert.equal(symbols.nameOf(0x100003n), '_start+0x3');
  });

  it('that a kernel does not have become a note', () => {
    const kernel = { path: 'vmlinuz', bytes: new Uint8Array(5000) };
    let reads = 0;
    const readKernel = (): typeof kernel => {
      reads++;
      return kernel;
    };
    const asked = { image: kernel, symbolFiles: [], kernel: readKernel };
    const loaded = loadSymbols(asked, files);
    const { symbols } = loaded;
    assert.equal(reads, 0, 'a kernel is not read before a symbol is wanted');
    assert.equal(symbols.names.length, 0);
    assert.equal(reads, 1);
    assert.match(loaded.notes.join(), /vmlinuz has no symbols; name a file/);
  });

  for (const [path, id] of [
    ['nowhere', 'symbols-not-found'],
    ['text', 'symbols-unknown'],
  ] as const) {
    it(`are refused with ${id}`, () => {
      assert.throws(
        () => loadSymbols({ ...sources, symbolFiles: [path] }, files),
        (problem) =>
          problem instanceof UserError && problem.id === id && problem.text.includes(path),
      );
    });
  }
});

describe('a kernel that moves', () => {
  function processorWith(lstar: bigint, idtBase: bigint) {
    const { core } = new BareProcessor();
    core.state.setMsr('IA32_LSTAR', lstar);
    core.state.setVmcs(vmcsEncoding('GUEST_IDTR_BASE'), idtBase);
    const parts = { index: 0, core, exits: 0, retired: 0, runState: 'active' } as const;
    return { ...parts, pendingExit: undefined, entryProblem: undefined };
  }

  it('has names at physical addresses first', () => {
    const symbols = mapIndex();
    new KernelRelocation(symbols);
    assert.equal(symbols.nameOf(0x1001004n), 'local_function+0x4');
    assert.equal(symbols.addressOf('local_function'), 0xffffffff81001000n);
  });

  const slide = 0x29000000n;
  const moves: readonly (readonly [string, bigint, bigint, bigint])[] = [
    ['by its interrupt table', 0n, 0xffffffff83500000n + slide, slide],
    ['by its system call entry', 0xffffffff81a00040n + slide, 0xfffffe0000000000n, slide],
    ['not at all', 0xffffffff81a00040n, 0n, 0n],
    ['not where a table is elsewhere', 0n, 0xffffffff83501000n, 0n],
  ];
  for (const [title, lstar, idtBase, distance] of moves) {
    it(`is found ${title}`, () => {
      const symbols = mapIndex();
      const relocation = new KernelRelocation(symbols);
      const processor = processorWith(lstar, idtBase);
      assert.equal(relocation.update(processor), distance !== 0n);
      const address = 0xffffffff81001000n + distance;
      assert.equal(symbols.addressOf('local_function'), address);
      assert.equal(symbols.nameOf(address + 1n), 'local_function+0x1');
      assert.deepEqual(symbols.boundariesBetween(address, address + 1n), [address]);
      assert.ok(!relocation.update(processor), 'moves once');
    });
  }
});
