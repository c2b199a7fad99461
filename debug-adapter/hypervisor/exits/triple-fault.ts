/** Exit 2: triple fault. The processor shuts down. */
import type { ExitHandler } from './exit-handler';

export const handleTripleFault: ExitHandler = ({ processor }) => {
  processor.runState = 'shutdown';
  return { kind: 'triple-fault' };
};
