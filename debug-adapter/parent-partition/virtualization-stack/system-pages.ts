/** Which pages of system memory the parent has not given away yet. */

/** The parent's own: the first GiB. */
const firstFreePage = 2 ** 18;

/** Pages are given out once and in order. System memory is far larger than all guests together, so none comes back into use. */
export class SystemPages {
  /** First page that nobody has. */
  next = firstFreePage;

  /** Takes pages side by side. @param alignment the first is a multiple of it */
  take(count: number, alignment: number): number {
    const first = Math.ceil(this.next / alignment) * alignment;
    this.next = first + count;
    return first;
  }

  reset(): void {
    this.next = firstFreePage;
  }
}
