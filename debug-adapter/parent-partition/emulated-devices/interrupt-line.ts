/** A wire from a chip to an interrupt controller. */
export interface InterruptLine {
  /** True asks for service, whatever the polarity of the wire on a board. */
  set(level: boolean): void;
}
