/** A batch in a lane of its sender. */
export type Waiting = {
  readonly carried: Uint8Array;
  readonly lane: string;
  /** Leaves its group as the only one. */
  readonly isAlone: boolean;
};

export type LaneLimits = {
  readonly batchesMax: number;
  readonly bytesMax: number;
  readonly laneBatchesMax: number;
  readonly laneBytesMax: number;
};

type Lane<Item> = { readonly items: Item[]; batches: number; bytes: number };

export type Lanes<Item extends Waiting> = {
  hasRoom(lane: string, bytes: number): boolean;
  add(item: Item): void;
  /** One of each lane in turn. They count until they are released or put back. */
  take(most: { readonly batchesMax: number; readonly bytesMax: number }): readonly Item[];
  /** To the front of their lanes, and their lanes to the front: they have waited longest. */
  putBack(items: readonly Item[]): void;
  release(item: Item): void;
  takeAll(): readonly Item[];
  /** Nothing waits; something may have been taken. */
  isEmpty(): boolean;
  size(): { readonly batches: number; readonly bytes: number };
};

/**
 * Queues side by side in one room. A lane may hold as much as is left for all others (and its own
 * limit): however many lanes are full, there is room for the next one.
 */
export function createLanes<Item extends Waiting>(limits: LaneLimits): Lanes<Item> {
  const lanes = new Map<string, Lane<Item>>();
  /** Names of the lanes in which something waits, the next one first. */
  const turns = new Set<string>();
  const all = { batches: 0, bytes: 0 };

  function laneOf(name: string): Lane<Item> {
    const lane = lanes.get(name) ?? { items: [], batches: 0, bytes: 0 };
    lanes.set(name, lane);
    return lane;
  }

  function next(): Item | undefined {
    for (const name of turns) {
      const lane = laneOf(name);
      const item = lane.items.shift();
      turns.delete(name);
      if (lane.items.length > 0) turns.add(name);
      return item;
    }
    return undefined;
  }

  function putBack(items: readonly Item[]): void {
    for (const item of items.toReversed()) laneOf(item.lane).items.unshift(item);
    const names = [...items.map(({ lane }) => lane), ...turns];
    turns.clear();
    for (const name of names) turns.add(name);
  }

  return {
    hasRoom(name, bytes) {
      const { batches, bytes: laneBytes } = lanes.get(name) ?? { batches: 0, bytes: 0 };
      const batchesLeft = limits.batchesMax - all.batches;
      const bytesLeft = limits.bytesMax - all.bytes;
      return (
        batches < Math.min(limits.laneBatchesMax, batchesLeft) &&
        laneBytes + bytes <= Math.min(limits.laneBytesMax, bytesLeft)
      );
    },
    add(item) {
      const lane = laneOf(item.lane);
      lane.items.push(item);
      lane.batches += 1;
      lane.bytes += item.carried.length;
      all.batches += 1;
      all.bytes += item.carried.length;
      turns.add(item.lane);
    },
    take({ batchesMax, bytesMax }) {
      const taken: Item[] = [];
      let bytes = 0;
      while (taken.length < batchesMax) {
        const item = next();
        if (item === undefined) break;
        const isTooMuch = taken.length > 0 && bytes + item.carried.length > bytesMax;
        if (isTooMuch || (item.isAlone && taken.length > 0)) {
          putBack([item]);
          break;
        }
        taken.push(item);
        bytes += item.carried.length;
        if (item.isAlone) break;
      }
      return taken;
    },
    putBack,
    release({ lane: name, carried }) {
      const lane = laneOf(name);
      lane.batches -= 1;
      lane.bytes -= carried.length;
      all.batches -= 1;
      all.bytes -= carried.length;
      if (lane.batches === 0) lanes.delete(name);
    },
    takeAll() {
      const rest: Item[] = [];
      for (let item = next(); item !== undefined; item = next()) rest.push(item);
      return rest;
    },
    isEmpty: () => turns.size === 0,
    size: () => ({ ...all }),
  };
}
