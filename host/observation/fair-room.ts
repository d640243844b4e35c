// SPDX-License-Identifier: Apache-2.0
// Room that many share, in whatever unit: each has at most as much as it leaves free. So whoever
// floods it loses what is its own, and there is always some for those who have little there.
export class FairRoom<Owner> {
  readonly #size: number;
  readonly #taken: Map<Owner, number> = new Map();
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /**
   * @param size of it, at most
   * @returns whether there was so much for this owner
   */
  take(owner: Owner, amount: number, size: number = this.#size): boolean {
    const own = this.#taken.get(owner) ?? 0;
    if (own + this.#used + amount > size) return false;
    this.#taken.set(owner, own + amount);
    this.#used += amount;
    return true;
  }

  giveBack(owner: Owner, amount: number): void {
    const left = (this.#taken.get(owner) ?? 0) - amount;
    if (left > 0) this.#taken.set(owner, left);
    else this.#taken.delete(owner);
    this.#used -= amount;
  }
}
