// Table: fixed registers of ACPI power management, ACPI specification 6.5, chapter 4.8.3, sized as in the 82371AB.

/** Frequency of the PM timer. */
export const pmTimerHz = 3_579_545;

/** PM1 status; writing 1 clears a bit. */
export const pm1Status = {
  TMR_STS: 1 << 0,
  GBL_STS: 1 << 5,
  PWRBTN_STS: 1 << 8,
  RTC_STS: 1 << 10,
  WAK_STS: 1 << 15,
} as const;

/** Bits of PM1 enable that exist: timer, global lock, power button, RTC. */
export const pm1EnableMask = 0x0521;

/** PM1 control. */
export const pm1Control = {
  SCI_EN: 1 << 0,
  /** BM_RLD and GBL_RLS; the latter reads 0. */
  BM_RLD: 1 << 1,
  SLP_TYP_shift: 10,
  SLP_TYP_mask: 7,
  /** Reads 0. */
  SLP_EN: 1 << 13,
} as const;

/** Bits of the general-purpose enable register that exist. */
export const gpe0EnableMask = 0x0f01;
