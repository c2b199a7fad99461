// Hovers: what stands under the caret, and what a number is for.
import assert from 'node:assert/strict';
import { hoverAt } from '../../../../../src/language/server/hover';
import { programOf } from './program-under-test';

const includes = {
  'n.inc':
    '.equ HV_X64_MSR_HYPERCALL, 0x40000001 # enables the page\n.equ HvCallPostMessage, 0x5c\n',
};

/** Source with a caret, and what the hover must say; an empty list where there must be none. */
const rows: readonly (readonly [string, string, readonly RegExp[]])[] = [
  ['a mnemonic', 'm‸ov eax, 1', [/\*\*MOV\*\*/, /SDM vol\. 2B, MOV/]],
  ['a mnemonic with AT&T suffix', 'mov‸l $1, %eax', [/\*\*MOV\*\*/]],
  ['an AT&T name', 'cl‸tq', [/\*\*CDQE\*\*/]],
  ['a prefix', 're‸p stosb', [/\*\*REP\*\*/, /RCX/]],
  ['the VM exit of an instruction', 'cpui‸d', [/exit:CPUID.*10/]],
  ['a register', 'mov ea‸x, 1', [/\*\*EAX\*\*.*32 bits/, /RAX/]],
  ['an AT&T register', 'mov %c‸r3, %rax', [/\*\*CR3\*\*/, /page-directory base/]],
  ['a directive', '.bal‸ign 8', [/directive/]],
  ['an MSR number', 'mov ecx, 0x4000‸0001\nwrmsr', [/HV_X64_MSR_HYPERCALL/, /TLFS, appendix C/]],
  ['an MSR number in AT&T syntax', 'movl $0xc00000‸80, %ecx\nrdmsr', [/IA32_EFER/]],
  ['an MSR number without a use', '.quad 0x4000‸0000', [/HV_X64_MSR_GUEST_OS_ID/]],
  ['a CPUID leaf', 'mov eax, 0x400‸00003\ncpuid', [/CPUID leaf 0x40000003/, /features/i]],
  ['a hypercall number', 'mov rcx, 0x5‸c\nvmcall', [/HvCallPostMessage/, /0x005c/, /memory/]],
  [
    'a hypercall through the page',
    'mov ecx, 0x100‸08\ncall hypercall_page',
    [/LongSpinWait/, /fast/],
  ],
  ['a call code that is none', 'mov rcx, 0x77‸77\nvmcall', [/Unknown hypercall/]],
  ['a status', 'vmcall\ncmp ax, ‸2', [/HV_STATUS_INVALID_HYPERCALL_CODE/]],
  ['a console port', 'out 0xe‸9, al', [/console/]],
  ['an exit port in AT&T syntax', 'outb %al, $0xf‸4', [/exit code/]],
  ['a port in DX', 'mov edx, 0xe‸9\nrep outsb', [/console/]],
  ['an exception vector', 'int 1‸4', [/#PF/]],
  ['a VMCS field', 'mov rax, 0x440‸2\nvmread rbx, rax', [/VM_EXIT_REASON/]],
  ['a character', "mov al, '‸A'", [/65 = 0x41/]],
  ['a number that is overwritten', 'mov ecx, 0x1‸74\nmov ecx, 5\nrdmsr', [/372 = 0x174/]],
  [
    'a constant',
    '.equ SIZE, 4096 # bytes\nmov eax, SI‸ZE',
    [/constant, line 1/, /0x1000/, /bytes/],
  ],
  [
    'a constant of the specification',
    '.include "n.inc"\nmov ecx, HV_X64_MSR‸_HYPERCALL',
    [/synthetic MSR 0x40000001/],
  ],
  [
    'a call that is part of a control word',
    '.include "n.inc"\nmov rcx, HvCall‸PostMessage | 0x10000\nvmcall',
    [/HvCallPostMessage\*\* — hypercall 0x005c/, /input value 0x1005c: call code 0x005c, fast/],
  ],
  [
    'a control word made of constants',
    '.include "n.inc"\nF = 1 << 16\nmov rcx, HvCallPostMessage | ‸F\nvmcall',
    [/HvCallPostMessage/, /fast/],
  ],
  [
    'a label with a comment above',
    '# Says hello.\nhello: ret\ncall he‸llo',
    [/label, line 2/, /Says hello/],
  ],
  ['a macro', '# Twice.\n.macro twice a, b=1\n.endm\ntwi‸ce 1', [/\.macro twice a, b=1/, /Twice/]],
  ['a local label', '1: nop\njmp ‸1b', [/Local label \*\*1\*\*.*backwards: line 1/]],
  ['an include', '.include "n‸.inc"', [/Includes `n\.inc`/]],
  ['a name in a comment', '# try hypercall:HvCallPost‸Message', [/hypercall 0x005c/]],
  ['an exit in a comment', '# try exit:EPT_VIO‸LATION', [/basic exit reason 48/]],
  ['an exception in a comment', '# then #P‸F', [/vector 14/]],
  ['an unknown word', 'mov eax, whatever‸', []],
  ['a comma', 'mov eax‸ , 1', [/EAX/]],
  ['an empty text', '‸', []],
];

describe('hover', () => {
  for (const [what, text, expected] of rows) {
    it(`explains ${what}`, () => {
      const { program, caret } = programOf(text, includes);
      const hover = hoverAt(program, caret);
      if (expected.length === 0) assert.equal(hover, undefined);
      for (const pattern of expected) assert.match(hover?.markdown ?? '', pattern);
    });
  }

  it('covers the word it explains', () => {
    const { program, caret } = programOf('mov ea‸x, 1');
    assert.deepEqual(hoverAt(program, caret)?.span, { start: 4, end: 7 });
  });
});
