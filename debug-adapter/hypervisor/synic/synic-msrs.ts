/** The registers of the synthetic interrupt controller as MSRs (TLFS 11.5). */
import { sintCount, synicVersion } from '../../spec/tlfs/synic';
import type { SyntheticMsrAccess, SyntheticMsrBehaviour } from '../msr-behaviour';
import type { SyntheticInterruptController } from './synthetic-interrupt-controller';

function synicOf({ partition, processor }: SyntheticMsrAccess): SyntheticInterruptController {
  return partition.synthetic.synicOf(processor.index);
}

type Row = readonly [string, SyntheticMsrBehaviour];

function sintRegister(number: number): Row {
  return [
    `HV_X64_MSR_SINT${number}`,
    {
      read: (access) => synicOf(access).sint(number),
      write: (access, value) => synicOf(access).writeSint(number, value),
    },
  ];
}

/** By name. A page that is not RAM is not accessible; its register takes the address all the same (TLFS 5.2.1). */
export const synicMsrs: readonly Row[] = [
  [
    'HV_X64_MSR_SCONTROL',
    {
      read: (access) => synicOf(access).control,
      write(access, value) {
        synicOf(access).control = value;
        return true;
      },
    },
  ],
  ['HV_X64_MSR_SVERSION', { read: () => synicVersion }],
  [
    'HV_X64_MSR_SIEFP',
    {
      read: (access) => synicOf(access).eventFlagsPage.value,
      write(access, value) {
        synicOf(access).eventFlagsPage.write(value);
        return true;
      },
    },
  ],
  [
    'HV_X64_MSR_SIMP',
    {
      read: (access) => synicOf(access).messagePage.value,
      write(access, value) {
        synicOf(access).writeMessagePage(value);
        return true;
      },
    },
  ],
  [
    'HV_X64_MSR_EOM',
    {
      read: () => 0n,
      write(access) {
        synicOf(access).endOfMessage();
        return true;
      },
    },
  ],
  ...Array.from({ length: sintCount }, (_, number) => sintRegister(number)),
];
