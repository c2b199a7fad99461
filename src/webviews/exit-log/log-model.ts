/** What the page knows about the log of exits; no DOM, so it is tested alone. */
import type {
  ExitDetailBody,
  ExitFilter,
  ExitRow,
  ExitsBody,
  ReasonCount,
} from '../../../debug-adapter/protocol/custom-requests';
import { LogRows } from '../log-panel/log-rows';
import { restricts } from './exit-filter';

export class LogModel extends LogRows<ExitRow, ExitDetailBody, ExitsBody, ExitFilter> {
  filter: ExitFilter = {};
  reasonCounts: readonly ReasonCount[] = [];

  protected override readonly detailsGone =
    'The session has ended; the registers of this moment are no longer in memory.';

  override get restricts(): boolean {
    return restricts(this.filter);
  }

  setFilter(filter: ExitFilter): void {
    this.filter = filter;
    this.lookAgain();
  }

  protected override dropFilter(): void {
    this.setFilter({});
  }

  protected override keep({ reasonCounts }: ExitsBody): boolean {
    this.reasonCounts = reasonCounts;
    return true;
  }

  protected override droppedIn({ dropped }: ExitsBody): number {
    return dropped;
  }

  protected override forget(): void {
    this.reasonCounts = [];
  }
}
