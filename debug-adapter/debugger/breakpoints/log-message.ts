/** Log messages of breakpoints: text with expressions in braces. */
import type { EvaluationContext } from '../expressions/evaluate';
import { evaluate } from '../expressions/evaluate';
import { parseExpression } from '../expressions/parse-expression';
import type { Expression } from '../expressions/syntax-tree';
import { hex } from '../value-format';

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly expression: Expression };

/** A parsed log message. */
export class LogMessage {
  private constructor(private readonly pieces: readonly Piece[]) {}

  /** Parses `text`; `{{` and `}}` stand for braces. Returns what is wrong as text. */
  static parse(text: string): LogMessage | string {
    const pieces: Piece[] = [];
    const pattern = /\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]/g;
    for (const match of text.matchAll(pattern)) {
      const whole = match[0];
      if (match[1] !== undefined) {
        const parsed = parseExpression(match[1]);
        if (parsed.kind === 'error') return `In {${match[1]}}: ${parsed.message}.`;
        pieces.push({ kind: 'expression', expression: parsed.expression });
      } else if (whole === '{' || whole === '}') {
        return `A brace of the log message has no partner; write {{ for a brace.`;
      } else {
        pieces.push({ kind: 'text', text: whole === '{{' ? '{' : whole === '}}' ? '}' : whole });
      }
    }
    return new LogMessage(pieces);
  }

  /** The expressions in its braces. */
  get expressions(): readonly Expression[] {
    return this.pieces.flatMap((piece) => (piece.kind === 'expression' ? [piece.expression] : []));
  }

  render(context: EvaluationContext): string {
    return this.pieces
      .map((piece) => {
        if (piece.kind === 'text') return piece.text;
        const { expression } = piece;
        const field = expression.kind === 'name' ? context.field(expression.name) : undefined;
        if (typeof field === 'string') return field;
        const result = evaluate(expression, context);
        return result.kind === 'error' ? `<${result.message}>` : hex(result.value);
      })
      .join('');
  }
}
