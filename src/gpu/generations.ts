/**
 * A cache of bounded size that costs nothing but the look-up where it hits. There are two generations: what is made or
 * found goes to the young one; when that is full it becomes the old one, and what was old and was not asked for in the
 * meantime falls out. So what is in use stays, and at most twice `size` entries are held.
 */
export class Generations<Value> {
  private young = new Map<string, Value>();
  private old = new Map<string, Value>();

  /** @param dropped told of every value that falls out */
  constructor(
    private readonly size: number,
    private readonly dropped: (value: Value) => void = () => undefined,
  ) {}

  get(key: string): Value | undefined {
    const found = this.young.get(key);
    if (found !== undefined) return found;
    const older = this.old.get(key);
    if (older === undefined) return undefined;
    this.old.delete(key);
    this.set(key, older);
    return older;
  }

  set(key: string, value: Value): void {
    if (this.young.size === this.size) {
      for (const forgotten of this.old.values()) this.dropped(forgotten);
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  /** How many values are held. */
  get held(): number {
    return this.young.size + this.old.size;
  }

  clear(): void {
    for (const map of [this.young, this.old]) {
      for (const value of map.values()) this.dropped(value);
      map.clear();
    }
  }
}
