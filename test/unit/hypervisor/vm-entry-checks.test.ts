// VM entry and an inconsistent VMCS: each requirement by its section of SDM vol. 3 (27.2 and 27.3), the field that is
// named, and whether the entry fails with an error or a VM exit.
import assert from 'node:assert/strict';
import { stateOffsets, vmcsEncoding } from '../../../debug-adapter/machine/processor-state';
import { powerOn } from '../../../debug-adapter/hypervisor/processor-reset';
import { findEntryFailure } from '../../../debug-adapter/hypervisor/vm-entry-checks';
import { setUpVmcsControls } from '../../../debug-adapter/hypervisor/vmcs-setup';
import {
  capabilityMsrs,
  controlWords,
  unsupportedControls,
} from '../../../debug-adapter/hypervisor/vmx-capabilities';
import { tertiaryControls } from '../../../debug-adapter/spec/x86/vmx-controls';
import { scriptedPartition } from './scripted-core';

type Fields = Readonly<Record<string, bigint>>;

const flat = (name: string, rights: bigint, selector = 0x10n): Fields => ({
  [`GUEST_${name}_SELECTOR`]: selector,
  [`GUEST_${name}_BASE`]: 0n,
  [`GUEST_${name}_LIMIT`]: 0xffffffffn,
  [`GUEST_${name}_AR_BYTES`]: rights,
});

const long: Fields = {
  GUEST_CR0: 0x80010031n,
  GUEST_CR3: 0x1000n,
  GUEST_CR4: 0x620n,
  GUEST_IA32_EFER: 0xd00n,
  VM_ENTRY_CONTROLS: 0x0000d3ffn,
  GUEST_RIP: 0xffff_ffff_8000_0000n,
  ...flat('CS', 0xa09bn, 8n),
  ...flat('SS', 0xc093n),
  ...flat('DS', 0xc093n),
  ...flat('ES', 0xc093n),
  ...flat('FS', 0x10000n),
  ...flat('GS', 0x10000n),
};

const pae: Fields = {
  ...long,
  GUEST_IA32_EFER: 0n,
  VM_ENTRY_CONTROLS: 0x0000d1ffn,
  GUEST_RIP: 0x1000n,
  ...flat('CS', 0xc09bn, 8n),
};

const virtualSegments = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'].map((name) => ({
  [`GUEST_${name}_SELECTOR`]: 0x100n,
  [`GUEST_${name}_BASE`]: 0x1000n,
  [`GUEST_${name}_LIMIT`]: 0xffffn,
  [`GUEST_${name}_AR_BYTES`]: 0xf3n,
}));
const virtual8086: Fields = Object.assign({}, pae, ...virtualSegments, { GUEST_RFLAGS: 0x20002n });

const bases = { real: {}, long, pae, virtual8086 } as const;

/** Base, section, and edits with the field that is named: the last one where it is not said. */
type Row = readonly [keyof typeof bases, string, Fields, string?];

const one = 1n;
const pin = 0x3fn;
const primary = 0xb500_65fan;
const secondary = 0x10aan;
const exits = 0x003f_6fffn;

const controlRows: readonly Row[] = [
  ['long', '27.2.1.1', { PIN_BASED_VM_EXEC_CONTROL: 0x3en }],
  ['long', '27.2.1.1', { PIN_BASED_VM_EXEC_CONTROL: 0x37n }],
  ['long', '27.2.1.1', { PIN_BASED_VM_EXEC_CONTROL: pin | 0x80n }],
  ['long', '27.2.1.1', { PIN_BASED_VM_EXEC_CONTROL: 0n }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary & 0x7fffffffn }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 17n) }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | one }],
  ['long', '27.2.1.1', { SECONDARY_VM_EXEC_CONTROL: secondary & ~2n }],
  ['long', '27.2.1.1', { SECONDARY_VM_EXEC_CONTROL: secondary & ~0x80n }],
  ['long', '27.2.1.1', { SECONDARY_VM_EXEC_CONTROL: secondary | one }],
  ['long', '27.2.1.1', { SECONDARY_VM_EXEC_CONTROL: secondary | (one << 31n) }],
  ['long', '27.2.1.2', { VM_EXIT_CONTROLS: exits | (one << 15n) }],
  ['long', '27.2.1.3', { VM_ENTRY_CONTROLS: 0x1d3ffn }],
  ['long', '27.2.1.1', { CR3_TARGET_COUNT: 5n }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 25n), IO_BITMAP_A: 0n }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 25n), IO_BITMAP_B: 1n }],
  ['long', '27.2.1.1', { MSR_BITMAP: 0x1008n }],
  [
    'long',
    '27.2.1.1',
    { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 21n), VIRTUAL_APIC_PAGE_ADDR: 8n },
  ],
  [
    'long',
    '27.2.1.1',
    { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 21n), VIRTUAL_APIC_PAGE_ADDR: one << 40n },
  ],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 21n), TPR_THRESHOLD: 16n }],
  ['long', '27.2.1.1', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 21n), TPR_THRESHOLD: 1n }],
  ['long', '27.2.1.1', { VIRTUAL_PROCESSOR_ID: 0n }],
  ['long', '27.2.1.1', { EPT_POINTER: 0x1en | 1n }],
  ['long', '27.2.1.1', { EPT_POINTER: 0x26n }],
  ['long', '27.2.1.1', { EPT_POINTER: 0x5en }],
  ['long', '27.2.1.1', { SECONDARY_VM_EXEC_CONTROL: secondary | (one << 25n), TSC_MULTIPLIER: 0n }],
  ['long', '27.2.1.2', { VM_EXIT_CONTROLS: exits | (one << 22n) }],
  ['long', '27.2.1.2', { VM_EXIT_MSR_STORE_COUNT: 1n }],
  ['long', '27.2.1.2', { VM_EXIT_MSR_LOAD_COUNT: 1n }],
  ['long', '27.2.1.3', { VM_ENTRY_MSR_LOAD_COUNT: 1n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000103n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000203n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000320n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000701n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x8000030dn }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000b06n }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000820n }],
  ['real', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000b0dn }],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80001306n }],
  [
    'long',
    '27.2.1.3',
    { VM_ENTRY_INTR_INFO_FIELD: 0x80000b0dn, VM_ENTRY_EXCEPTION_ERROR_CODE: 0x10000n },
  ],
  ['long', '27.2.1.3', { VM_ENTRY_INTR_INFO_FIELD: 0x80000603n, VM_ENTRY_INSTRUCTION_LEN: 16n }],
];

const guestRows: readonly Row[] = [
  ['long', '27.3.1.1', { GUEST_CR0: (one << 32n) | 0x80010031n }],
  ['real', '27.3.1.1', { GUEST_CR0: 0x80000010n }],
  ['long', '27.3.1.1', { GUEST_CR4: 0x2620n }],
  ['long', '27.3.1.1', { GUEST_CR4: one << 40n }],
  ['long', '27.3.1.1', { GUEST_IA32_DEBUGCTL: 4n }],
  ['long', '27.3.1.1', { VM_ENTRY_CONTROLS: 0xd1ffn }],
  ['long', '27.3.1.1', { GUEST_IA32_EFER: 0x100n }, 'VM_ENTRY_CONTROLS'],
  ['long', '27.3.1.1', { GUEST_CR0: 0x31n }],
  ['long', '27.3.1.1', { GUEST_CR4: 0n }],
  ['pae', '27.3.1.1', { GUEST_CR4: 0x20620n }],
  ['long', '27.3.1.1', { GUEST_CR3: one << 40n }],
  ['long', '27.3.1.1', { GUEST_DR7: one << 32n }],
  ['long', '27.3.1.1', { GUEST_SYSENTER_ESP: one << 60n }],
  ['long', '27.3.1.1', { GUEST_SYSENTER_EIP: one << 60n }],
  ['long', '27.3.1.1', { GUEST_IA32_PAT: 0x0007040600070402n }],
  ['long', '27.3.1.1', { GUEST_IA32_EFER: 0xd02n }],
  ['pae', '27.3.1.1', { GUEST_IA32_EFER: 0x100n }],
  ['long', '27.3.1.2', { GUEST_CS_BASE: one << 32n }],
  ['long', '27.3.1.2', { GUEST_SS_BASE: one << 32n }],
  ['long', '27.3.1.2', { GUEST_DS_BASE: one << 32n }],
  ['long', '27.3.1.2', { GUEST_ES_BASE: one << 32n }],
  ['long', '27.3.1.2', { GUEST_TR_BASE: one << 60n }],
  ['long', '27.3.1.2', { GUEST_FS_BASE: one << 60n }],
  ['long', '27.3.1.2', { GUEST_GS_BASE: one << 60n }],
  ['long', '27.3.1.2', { GUEST_LDTR_BASE: one << 60n }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa09an }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa0fbn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa0ffn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xe09bn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa08bn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa01bn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xa19bn }],
  ['long', '27.3.1.2', { GUEST_CS_AR_BYTES: 0x209bn }],
  ['long', '27.3.1.2', { GUEST_CS_LIMIT: 0xfn }, 'GUEST_CS_AR_BYTES'],
  ['long', '27.3.1.2', { GUEST_SS_AR_BYTES: 0xc091n }],
  ['real', '27.3.1.2', { GUEST_CS_AR_BYTES: 0xfbn, GUEST_SS_AR_BYTES: 0xf3n }],
  ['long', '27.3.1.2', { GUEST_SS_AR_BYTES: 0xc013n }],
  ['long', '27.3.1.2', { GUEST_DS_AR_BYTES: 0xc092n }],
  ['long', '27.3.1.2', { GUEST_ES_AR_BYTES: 0xc099n }],
  ['long', '27.3.1.2', { GUEST_FS_AR_BYTES: 0xc083n }],
  ['long', '27.3.1.2', { GUEST_GS_AR_BYTES: 0xcf93n }],
  ['long', '27.3.1.2', { GUEST_TR_SELECTOR: 4n }],
  ['long', '27.3.1.2', { GUEST_LDTR_SELECTOR: 4n }],
  ['long', '27.3.1.2', { GUEST_TR_AR_BYTES: 0x10000n }],
  ['long', '27.3.1.2', { GUEST_TR_AR_BYTES: 0x89n }],
  ['long', '27.3.1.2', { GUEST_TR_AR_BYTES: 0x83n }],
  ['long', '27.3.1.2', { GUEST_TR_AR_BYTES: 0x9bn }],
  ['long', '27.3.1.2', { GUEST_TR_AR_BYTES: 0x0bn }],
  ['long', '27.3.1.2', { GUEST_TR_LIMIT: 0x67n, GUEST_TR_AR_BYTES: 0x808bn }],
  ['long', '27.3.1.2', { GUEST_LDTR_AR_BYTES: 0x83n }],
  ['long', '27.3.1.2', { GUEST_LDTR_AR_BYTES: 0x02n }],
  ['virtual8086', '27.3.1.2', { GUEST_CS_BASE: 0x1010n }],
  ['virtual8086', '27.3.1.2', { GUEST_DS_LIMIT: 0xfffffn }],
  ['virtual8086', '27.3.1.2', { GUEST_SS_AR_BYTES: 0x93n }],
  ['long', '27.3.1.3', { GUEST_GDTR_BASE: one << 60n }],
  ['long', '27.3.1.3', { GUEST_IDTR_BASE: one << 60n }],
  ['long', '27.3.1.3', { GUEST_GDTR_LIMIT: 0x10000n }],
  ['long', '27.3.1.3', { GUEST_IDTR_LIMIT: 0x10000n }],
  ['pae', '27.3.1.4', { GUEST_RIP: one << 32n }],
  ['long', '27.3.1.4', { GUEST_RIP: one << 60n }],
  ['long', '27.3.1.4', { GUEST_RFLAGS: 0x8002n }],
  ['long', '27.3.1.4', { GUEST_RFLAGS: 0x20002n }],
  ['long', '27.3.1.4', { VM_ENTRY_INTR_INFO_FIELD: 0x80000040n }, 'GUEST_RFLAGS'],
  ['long', '27.3.1.5', { GUEST_ACTIVITY_STATE: 4n }],
  [
    'long',
    '27.3.1.5',
    { GUEST_CS_AR_BYTES: 0xa0fbn, GUEST_SS_AR_BYTES: 0xc0f3n, GUEST_ACTIVITY_STATE: 1n },
  ],
  ['long', '27.3.1.5', { GUEST_INTERRUPTIBILITY_INFO: 2n, GUEST_ACTIVITY_STATE: 1n }],
  ['long', '27.3.1.5', { VM_ENTRY_INTR_INFO_FIELD: 0x80000306n, GUEST_ACTIVITY_STATE: 1n }],
  ['long', '27.3.1.5', { VM_ENTRY_INTR_INFO_FIELD: 0x80000301n, GUEST_ACTIVITY_STATE: 2n }],
  ['long', '27.3.1.5', { VM_ENTRY_INTR_INFO_FIELD: 0x80000202n, GUEST_ACTIVITY_STATE: 3n }],
  ['long', '27.3.1.5', { GUEST_INTERRUPTIBILITY_INFO: 0x20n }],
  ['long', '27.3.1.5', { GUEST_RFLAGS: 0x202n, GUEST_INTERRUPTIBILITY_INFO: 3n }],
  ['long', '27.3.1.5', { GUEST_INTERRUPTIBILITY_INFO: 1n }],
  [
    'long',
    '27.3.1.5',
    {
      GUEST_RFLAGS: 0x202n,
      VM_ENTRY_INTR_INFO_FIELD: 0x80000040n,
      GUEST_INTERRUPTIBILITY_INFO: 2n,
    },
  ],
  ['long', '27.3.1.5', { GUEST_INTERRUPTIBILITY_INFO: 4n }],
  ['long', '27.3.1.5', { VM_ENTRY_INTR_INFO_FIELD: 0x80000202n, GUEST_INTERRUPTIBILITY_INFO: 8n }],
  ['long', '27.3.1.5', { GUEST_PENDING_DBG_EXCEPTIONS: 0x10n }],
  ['long', '27.3.1.5', { GUEST_INTERRUPTIBILITY_INFO: 2n, GUEST_PENDING_DBG_EXCEPTIONS: 0x4000n }],
];

/** Those that tell more by their qualification (SDM vol. 3, 27.8). */
const qualifiedRows: readonly (readonly [bigint, ...Row])[] = [
  [
    3n,
    'long',
    '27.3.1.5',
    { VM_ENTRY_INTR_INFO_FIELD: 0x80000202n, GUEST_INTERRUPTIBILITY_INFO: 2n },
  ],
  [4n, 'long', '27.3.1.5', { VMCS_LINK_POINTER: 0x1000n }],
  [2n, 'pae', '27.3.1.6', { GUEST_PDPTR2: 0x1003n }],
  [2n, 'pae', '27.3.1.6', { GUEST_PDPTR0: (one << 40n) | 1n }],
];

/** What is good although it looks unusual. */
const goodRows: readonly (readonly [keyof typeof bases, Fields])[] = [
  ['real', {}],
  ['long', {}],
  ['pae', {}],
  ['virtual8086', {}],
  ['long', { GUEST_SS_AR_BYTES: 0x10000n }],
  ['long', { GUEST_SS_AR_BYTES: 0x10060n, GUEST_CS_AR_BYTES: 0xa0fbn }],
  ['long', { GUEST_CS_AR_BYTES: 0xa09fn }],
  ['long', { GUEST_LDTR_AR_BYTES: 0x10000n, GUEST_LDTR_BASE: one << 60n }],
  ['pae', { GUEST_TR_AR_BYTES: 0x83n }],
  ['pae', { GUEST_PDPTR2: 0x1001n, GUEST_PDPTR3: 0x1e6n }],
  ['real', { VM_ENTRY_INTR_INFO_FIELD: 0x8000030dn }],
  ['long', { VM_ENTRY_INTR_INFO_FIELD: 0x80000b0dn, VM_ENTRY_EXCEPTION_ERROR_CODE: 0xffffn }],
  ['long', { VM_ENTRY_INTR_INFO_FIELD: 0x80000700n }],
  ['long', { GUEST_ACTIVITY_STATE: 1n, VM_ENTRY_INTR_INFO_FIELD: 0x80000202n }],
  ['long', { GUEST_RFLAGS: 0x202n, GUEST_INTERRUPTIBILITY_INFO: 1n }],
  ['long', { CR3_TARGET_COUNT: 4n, GUEST_INTERRUPTIBILITY_INFO: 8n }],
  ['long', { PIN_BASED_VM_EXEC_CONTROL: pin | 0x40n, VM_EXIT_CONTROLS: exits | (one << 22n) }],
  ['long', { CPU_BASED_VM_EXEC_CONTROL: primary | (one << 27n), TPR_THRESHOLD: 9n }],
];

function entryOf(base: keyof typeof bases, edits: Fields) {
  const { core, processor } = scriptedPartition();
  powerOn(processor);
  setUpVmcsControls(core.state, 0);
  for (const [name, value] of Object.entries({ ...bases[base], ...edits })) {
    core.state.setVmcs(vmcsEncoding(name), value);
  }
  core.state.writeU64(stateOffsets.cr8, 0n);
  return findEntryFailure(core);
}

function title(edits: Fields): string {
  return Object.entries(edits)
    .map(([name, value]) => `${name} = 0x${value.toString(16)}`)
    .join(', ');
}

describe('VM entry (SDM vol. 3, chapter 27)', () => {
  it('the controls that tests change are those of every guest', () => {
    const { core } = scriptedPartition();
    setUpVmcsControls(core.state, 0);
    const read = (name: string) => core.state.vmcs(vmcsEncoding(name));
    assert.deepEqual(
      ['PIN_BASED_VM_EXEC_CONTROL', 'CPU_BASED_VM_EXEC_CONTROL', 'SECONDARY_VM_EXEC_CONTROL'].map(
        read,
      ),
      [pin, primary, secondary],
    );
    assert.equal(read('VM_EXIT_CONTROLS'), exits);
  });

  for (const [base, section, edits, named = Object.keys(edits).at(-1)] of controlRows) {
    it(`${section}: ${title(edits)} in ${base} mode is error 7`, () => {
      const failure = entryOf(base, edits);
      assert.deepEqual([failure?.field, failure?.section], [named, section], failure?.problem);
      assert.equal(failure?.ends, 'vm-fail');
    });
  }

  const rows = [...guestRows.map((row) => [0n, ...row] as const), ...qualifiedRows];
  for (const [qualification, base, section, edits, named = Object.keys(edits).at(-1)] of rows) {
    it(`${section}: ${title(edits)} in ${base} mode is exit 33, qualification ${qualification}`, () => {
      const failure = entryOf(base, edits);
      assert.deepEqual([failure?.field, failure?.section], [named, section], failure?.problem);
      assert.deepEqual([failure?.ends, failure?.qualification], ['exit', qualification]);
    });
  }

  for (const [base, edits] of goodRows) {
    it(`${title(edits)} in ${base} mode is good`, () => {
      assert.equal(entryOf(base, edits), undefined);
    });
  }
});

describe('VMX capabilities', () => {
  it('every control is required, allowed, or absent for a reason', () => {
    const absent = new Set(unsupportedControls.flatMap(([, names]) => names));
    for (const { field, bits, mayBeOne } of controlWords) {
      for (const { name, low } of bits) {
        const isAllowed = ((mayBeOne >>> low) & 1) !== 0;
        // The name "activate secondary controls" is also that of an exit control.
        if (name === 'activate secondary controls') continue;
        assert.notEqual(isAllowed, absent.has(name), `${field}, ${name}`);
      }
    }
    for (const { name } of tertiaryControls) assert(absent.has(name), name);
  });

  it('a control that must be 1 may be 1', () => {
    for (const { field, mustBeOne, mayBeOne } of controlWords) {
      assert.equal((mustBeOne & ~mayBeOne) >>> 0, 0, field);
    }
    assert.equal((capabilityMsrs.get('IA32_VMX_MISC') ?? 0n) & 0x1fn, 5n);
  });
});
