/** The hypercall page: code that the hypervisor lays over a page of the guest (TLFS 3.13). */
import { pageSizeBytes } from '../machine/addresses';

/** VMCALL; RET, then INT3 so that running past it is noticed. */
const code = [0x0f, 0x01, 0xc1, 0xc3];
const filler = 0xcc;

/** Contents of the page. */
export function hypercallPageContents(): Uint8Array {
  const page = new Uint8Array(pageSizeBytes).fill(filler);
  page.set(code);
  return page;
}
