// Table: bits of CR0, CR4, IA32_EFER, RFLAGS and DR6/DR7, Intel SDM volume 1, 3.4.3 and volume 3, 2.2 and 2.5.
import { bit, bits, type BitField } from '../../support/bit-field';

/** CR0 (SDM vol. 3, 2.5). */
export const cr0Bits: readonly BitField[] = [
  bit(0, 'PE'),
  bit(1, 'MP'),
  bit(2, 'EM'),
  bit(3, 'TS'),
  bit(4, 'ET'),
  bit(5, 'NE'),
  bit(16, 'WP'),
  bit(18, 'AM'),
  bit(29, 'NW'),
  bit(30, 'CD'),
  bit(31, 'PG'),
];

/** CR3 without PCIDs (SDM vol. 3, 2.5). */
export const cr3Bits: readonly BitField[] = [
  bit(3, 'PWT'),
  bit(4, 'PCD'),
  bits(51, 12, 'page-directory base'),
];

/** CR4 (SDM vol. 3, 2.5). */
export const cr4Bits: readonly BitField[] = [
  bit(0, 'VME'),
  bit(1, 'PVI'),
  bit(2, 'TSD'),
  bit(3, 'DE'),
  bit(4, 'PSE'),
  bit(5, 'PAE'),
  bit(6, 'MCE'),
  bit(7, 'PGE'),
  bit(8, 'PCE'),
  bit(9, 'OSFXSR'),
  bit(10, 'OSXMMEXCPT'),
  bit(11, 'UMIP'),
  bit(12, 'LA57'),
  bit(13, 'VMXE'),
  bit(14, 'SMXE'),
  bit(16, 'FSGSBASE'),
  bit(17, 'PCIDE'),
  bit(18, 'OSXSAVE'),
  bit(19, 'KL'),
  bit(20, 'SMEP'),
  bit(21, 'SMAP'),
  bit(22, 'PKE'),
  bit(23, 'CET'),
  bit(24, 'PKS'),
  bit(25, 'UINTR'),
];

/** IA32_EFER (SDM vol. 3, 2.2.1). */
export const eferBits: readonly BitField[] = [
  bit(0, 'SCE'),
  bit(8, 'LME'),
  bit(10, 'LMA'),
  bit(11, 'NXE'),
];

/** RFLAGS (SDM vol. 1, 3.4.3). */
export const rflagsBits: readonly BitField[] = [
  bit(0, 'CF'),
  bit(2, 'PF'),
  bit(4, 'AF'),
  bit(6, 'ZF'),
  bit(7, 'SF'),
  bit(8, 'TF'),
  bit(9, 'IF'),
  bit(10, 'DF'),
  bit(11, 'OF'),
  bits(13, 12, 'IOPL'),
  bit(14, 'NT'),
  bit(16, 'RF'),
  bit(17, 'VM'),
  bit(18, 'AC'),
  bit(19, 'VIF'),
  bit(20, 'VIP'),
  bit(21, 'ID'),
];

/** DR6 (SDM vol. 3, 17.2.3). */
export const dr6Bits: readonly BitField[] = [
  bit(0, 'B0'),
  bit(1, 'B1'),
  bit(2, 'B2'),
  bit(3, 'B3'),
  bit(11, 'BLD'),
  bit(13, 'BD'),
  bit(14, 'BS'),
  bit(15, 'BT'),
  bit(16, 'RTM'),
];

/** DR7 (SDM vol. 3, 17.2.4). */
export const dr7Bits: readonly BitField[] = [
  bit(0, 'L0'),
  bit(1, 'G0'),
  bit(2, 'L1'),
  bit(3, 'G1'),
  bit(4, 'L2'),
  bit(5, 'G2'),
  bit(6, 'L3'),
  bit(7, 'G3'),
  bit(8, 'LE'),
  bit(9, 'GE'),
  bit(11, 'RTM'),
  bit(13, 'GD'),
  bits(17, 16, 'R/W0'),
  bits(19, 18, 'LEN0'),
  bits(21, 20, 'R/W1'),
  bits(23, 22, 'LEN1'),
  bits(25, 24, 'R/W2'),
  bits(27, 26, 'LEN2'),
  bits(29, 28, 'R/W3'),
  bits(31, 30, 'LEN3'),
];

/** Single bits by name, as masks, for code that tests them. */
export const Cr0 = {
  PE: 1,
  MP: 2,
  EM: 4,
  TS: 8,
  ET: 0x10,
  NE: 0x20,
  WP: 0x10000,
  AM: 0x40000,
  NW: 0x20000000,
  CD: 0x40000000,
  PG: 0x80000000,
} as const;
export const Cr4 = {
  VME: 1,
  PVI: 2,
  TSD: 4,
  DE: 8,
  PSE: 0x10,
  PAE: 0x20,
  MCE: 0x40,
  PGE: 0x80,
  PCE: 0x100,
  OSFXSR: 0x200,
  OSXMMEXCPT: 0x400,
  LA57: 0x1000,
  VMXE: 0x2000,
  PCIDE: 0x20000,
} as const;
export const Efer = { SCE: 1, LME: 0x100, LMA: 0x400, NXE: 0x800 } as const;
export const Rflags = {
  CF: 1,
  PF: 4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  OF: 0x800,
  NT: 0x4000,
  RF: 0x10000,
  VM: 0x20000,
  AC: 0x40000,
  ID: 0x200000,
} as const;
