// Table: IA32_ARCH_CAPABILITIES, Intel SDM volume 4, table 2-2.
import { bit, type BitField } from '../../support/bit-field';

/** What a processor is not susceptible to, and which controls it has. */
export const architecturalCapabilities: readonly BitField[] = [
  bit(0, 'RDCL_NO'),
  bit(1, 'IBRS_ALL'),
  bit(2, 'RSBA'),
  bit(3, 'SKIP_L1DFL_VMENTRY'),
  bit(4, 'SSB_NO'),
  bit(5, 'MDS_NO'),
  bit(6, 'IF_PSCHANGE_MC_NO'),
  bit(7, 'TSX_CTRL'),
  bit(8, 'TAA_NO'),
  bit(13, 'SBDR_SSDP_NO'),
  bit(14, 'FBSDP_NO'),
  bit(15, 'PSDP_NO'),
  bit(17, 'FB_CLEAR'),
  bit(20, 'BHI_NO'),
  bit(24, 'PBRSB_NO'),
  bit(26, 'GDS_NO'),
  bit(27, 'RFDS_NO'),
];
