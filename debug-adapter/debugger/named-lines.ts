/** Puts the consoles of several guests into one stream: whole lines, each with the name of its guest. */

/** Waits for the ends of lines, so that guests that write at the same time do not tear each other's lines apart. */
export class NamedLines {
  /** The beginning of a line for each guest that has not ended it. */
  private readonly open = new Map<string, string>();

  /** The lines that are complete now. */
  accept(name: string, text: string): string {
    const lines = ((this.open.get(name) ?? '') + text).split('\n');
    this.open.set(name, lines.pop() ?? '');
    return lines.map((line) => `[${name}] ${line}\n`).join('');
  }

  /** What has been waiting, as lines: nothing more is coming for a while. */
  flush(): string {
    let text = '';
    for (const [name, line] of this.open) if (line !== '') text += `[${name}] ${line}\n`;
    this.open.clear();
    return text;
  }
}
