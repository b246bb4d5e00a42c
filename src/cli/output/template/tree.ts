/** The tree of a template. */

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: Node[]; readonly otherwise: Node[] }
  | { readonly kind: 'break' | 'continue' }
  /** Another template, on the value of a pipeline or on nothing. `start`, `end` and `at` are the action's. */
  | ({ readonly kind: 'template'; readonly name: string; readonly pipe: Pipe | undefined } & Place);

export interface Place {
  /** Where it begins and ends, in letters from the start. */
  readonly start: number;
  readonly end: number;
  /** Where an error of it is: Go names the second field of a chain. */
  readonly at: number;
}

export interface Pipe {
  /** Variables it declares or assigns. */
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly Command[];
}

/** A function or field with its arguments, or one value. */
export type Command = readonly [Operand, ...Operand[]];

export interface Operand extends Place {
  readonly head:
    | { readonly kind: 'dot' | 'nil' }
    | { readonly kind: 'value'; readonly value: string | number | bigint | boolean }
    | { readonly kind: 'variable' | 'function'; readonly name: string }
    | { readonly kind: 'pipe'; readonly pipe: Pipe };
  /** Fields after it: `.A.B`. */
  readonly fields: readonly string[];
}

export interface Tree {
  readonly nodes: readonly Node[];
  /** By name, those of `define` and `block`. */
  readonly templates: ReadonlyMap<string, readonly Node[]>;
}
