/** Exits 7 and 8: an interrupt or an NMI that waited can be delivered now; the next VM entry does it. */
import { resume, type ExitHandler } from './exit-handler';

export const handleEventWindow: ExitHandler = () => resume;
