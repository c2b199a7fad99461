/** What a tree view shows, and which of it has changed since; pure. */

/** A node with what is drawn of it. */
export interface ShownNode<Node> {
  readonly node: Node;
  /** All that its row says, as one text. */
  readonly face: string;
  /** Names of the nodes below it. */
  readonly children: readonly string[];
}

export interface ShownTree<Node> {
  /** Names of the nodes at the top. */
  readonly top: readonly string[];
  readonly shown: ReadonlyMap<string, ShownNode<Node>>;
}

/** Nodes that have to be drawn anew, with what is below them; `all` where the top is another. */
export function changedNodes<Node>(
  before: ShownTree<Node>,
  after: ShownTree<Node>,
): 'all' | readonly Node[] {
  if (!isSameList(before.top, after.top)) return 'all';
  return [...after.shown].flatMap(([name, { node, face, children }]) => {
    const last = before.shown.get(name);
    // A node that is new is drawn with the one above it, whose children are others now.
    if (last === undefined) return [];
    return last.face === face && isSameList(last.children, children) ? [] : [node];
  });
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}
