/** What decides whether a breakpoint that was reached stops: condition, hit count, log message. */
import { evaluate, type EvaluationContext } from '../expressions/evaluate';
import { parseExpression } from '../expressions/parse-expression';
import type { Expression } from '../expressions/syntax-tree';
import { findWrongName, type ConditionScope } from './condition-names';
import { parseHitCondition, type HitCondition } from './hit-condition';
import { LogMessage } from './log-message';

/** What a person may add to any breakpoint. */
export interface BreakpointOptions {
  readonly condition?: string | undefined;
  readonly hitCondition?: string | undefined;
  readonly logMessage?: string | undefined;
}

/** What to do at a breakpoint that was reached. */
export type GateDecision =
  | { readonly kind: 'stop'; readonly note?: string }
  | { readonly kind: 'log'; readonly text: string }
  | { readonly kind: 'pass' };

interface GateParts {
  readonly condition: Expression | undefined;
  readonly hitCondition: HitCondition | undefined;
  readonly logMessage: LogMessage | undefined;
}

/** Counts the hits of one breakpoint and decides at each. */
export class BreakpointGate {
  private hits = 0;

  private constructor(private readonly parts: GateParts) {}

  /** A gate that stops at every hit. */
  static open(): BreakpointGate {
    return new BreakpointGate({
      condition: undefined,
      hitCondition: undefined,
      logMessage: undefined,
    });
  }

  /**
   * Parses the options; returns what is wrong as text.
   * @param scope what names can mean; names are not checked without it
   */
  static parse(options: BreakpointOptions, scope?: ConditionScope): BreakpointGate | string {
    const wrongName = (expression: Expression): string | undefined =>
      scope === undefined ? undefined : findWrongName(expression, scope);
    let condition: Expression | undefined;
    if (options.condition !== undefined && options.condition.trim() !== '') {
      const parsed = parseExpression(options.condition);
      if (parsed.kind === 'error') return `The condition is wrong: ${parsed.message}.`;
      condition = parsed.expression;
      const wrong = wrongName(condition);
      if (wrong !== undefined) return `The condition is wrong: ${wrong}`;
    }
    let hitCondition: HitCondition | undefined;
    if (options.hitCondition !== undefined && options.hitCondition.trim() !== '') {
      const parsed = parseHitCondition(options.hitCondition);
      if (typeof parsed === 'string') return parsed;
      hitCondition = parsed;
    }
    let logMessage: LogMessage | undefined;
    if (options.logMessage !== undefined && options.logMessage !== '') {
      const parsed = LogMessage.parse(options.logMessage);
      if (typeof parsed === 'string') return parsed;
      logMessage = parsed;
      for (const expression of logMessage.expressions) {
        const wrong = wrongName(expression);
        if (wrong !== undefined) return `The log message is wrong: ${wrong}`;
      }
    }
    return new BreakpointGate({ condition, hitCondition, logMessage });
  }

  /** Decides about one hit. A condition that cannot be evaluated stops and says why. */
  decide(context: EvaluationContext): GateDecision {
    const { condition, hitCondition, logMessage } = this.parts;
    let note: string | undefined;
    if (condition !== undefined) {
      const result = evaluate(condition, context);
      if (result.kind === 'error') note = `the condition cannot be evaluated: ${result.message}`;
      else if (result.value === 0n) return { kind: 'pass' };
    }
    this.hits++;
    if (note === undefined && hitCondition !== undefined && !hitCondition(this.hits)) {
      return { kind: 'pass' };
    }
    if (logMessage !== undefined) return { kind: 'log', text: logMessage.render(context) };
    return note === undefined ? { kind: 'stop' } : { kind: 'stop', note };
  }

  /** Decides about a hit that is searched for in the past: hit counts are not asked, and nothing is logged. */
  decideInPast(context: EvaluationContext): GateDecision {
    const { condition, logMessage } = this.parts;
    if (logMessage !== undefined) return { kind: 'pass' };
    if (condition === undefined) return { kind: 'stop' };
    const result = evaluate(condition, context);
    if (result.kind === 'error') {
      return { kind: 'stop', note: `the condition cannot be evaluated: ${result.message}` };
    }
    return { kind: result.value === 0n ? 'pass' : 'stop' };
  }

  /** Starts counting again, as after a restart. */
  reset(): void {
    this.hits = 0;
  }
}
