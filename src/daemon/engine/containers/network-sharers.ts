/** Who runs in the network namespace of whom: asked at every end, so it is kept and not looked for. */
export class NetworkSharers {
  /** By a container, whose namespace it is in: that of a container or pod. */
  readonly #owners = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** A container runs in the namespace of another, or of a pod. */
  add(container: string, owner: string): void {
    this.remove(container);
    this.#owners.set(container, owner);
    this.#counts.set(owner, (this.#counts.get(owner) ?? 0) + 1);
  }

  /** It has ended; one that was in its own is fine. */
  remove(container: string): void {
    const owner = this.#owners.get(container);
    if (owner === undefined) return;
    this.#owners.delete(container);
    const left = (this.#counts.get(owner) ?? 0) - 1;
    if (left > 0) this.#counts.set(owner, left);
    else this.#counts.delete(owner);
  }

  /** Whether anybody else runs in it. */
  has(owner: string): boolean {
    return this.#counts.has(owner);
  }
}
