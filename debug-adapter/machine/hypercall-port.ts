/** How the parent partition calls the hypervisor: as a guest does, without an emulated processor in between. */

/** The hypercall result value, taken apart (TLFS 3.8). */
export interface HypercallAnswer {
  readonly status: number;
  /** Elements of a rep call that are done, counted from the first. */
  readonly repsCompleted: number;
}

/** The hypervisor as the parent's root processor reaches it. */
export interface HypercallPort {
  /**
   * Makes a hypercall with the checks that a guest's meets, and with a row in the trace.
   * @param control hypercall input value (TLFS 3.7)
   * @param input address of the input block in the parent's memory, which it has handed over when it got the port
   * @param output address of the output block there
   */
  call(control: bigint, input: number, output: number): HypercallAnswer;
}
