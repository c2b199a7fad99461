// Table: the VP assist page, TLFS 7.8.7.
import { structField as f, structLayout } from '../../support/struct-layout';

/** HV_VP_ASSIST_PAGE, as far as a guest without trust levels and nested guests uses it. */
export const vpAssistPage = structLayout('HV_VP_ASSIST_PAGE', [f('ApicAssist', 'u32', 0)]);

/** Bit of ApicAssist: the interrupt in service needs no EOI; the guest clears it instead (TLFS 10.3.5). */
export const noEoiRequired = 1;
