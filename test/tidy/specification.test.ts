// Numbers of the specifications are written once, in spec/: invariant 5 of debug-adapter/ARCHITECTURE.md.
import ts from 'typescript';
import { hypercallHandlers } from '../../debug-adapter/hypervisor/hypercalls/handler-table';
import { syntheticMsrBehaviour } from '../../debug-adapter/hypervisor/synthetic-msr-behaviour';
import { hypercallByCode } from '../../debug-adapter/spec/tlfs/hypercalls';
import { syntheticMsrByNumber } from '../../debug-adapter/spec/tlfs/synthetic-msrs';
import { expectNone } from './expect-none';
import { placeOf, sourceFiles, visitTree, type SourceFile } from './source-files';

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Hypervisor CPUID leaves and synthetic MSRs; nothing else in a virtual machine has such numbers. */
const isSyntheticNumber = (value: number): boolean => value >= 0x40000000 && value < 0x40002000;

/** A literal with exactly this many hexadecimal digits is meant as such a number. */
function syntheticLiterals(file: SourceFile): readonly string[] {
  const found: string[] = [];
  visitTree(file.tree(), (node) => {
    if (!ts.isNumericLiteral(node) || !/^0x4000[0-9a-f_]{4,5}$/i.test(node.getText())) return;
    if (!isSyntheticNumber(Number(node.text))) return;
    found.push(`${placeOf(file, node)}: ${node.getText()}; use its name from spec/tlfs`);
  });
  return found;
}

describe('specification', () => {
  it('knows every hypercall that has a handler', () => {
    const unknown = [...hypercallHandlers.keys()].filter((code) => !hypercallByCode.has(code));
    expectNone(unknown.map(hex), 'add them to spec/tlfs/hypercalls.ts');
  });

  it('knows every synthetic MSR that has a behaviour', () => {
    const unknown = [...syntheticMsrBehaviour.keys()].filter(
      (number) => !syntheticMsrByNumber.has(number),
    );
    expectNone(unknown.map(hex), 'add them to spec/tlfs/synthetic-msrs.ts');
  });

  it('is the only place with the numbers of synthetic MSRs and hypervisor CPUID leaves', () => {
    const others = sourceFiles.filter(
      ({ path }) => path.startsWith('debug-adapter/') && !path.startsWith('debug-adapter/spec/'),
    );
    expectNone(others.flatMap(syntheticLiterals));
  });
});
