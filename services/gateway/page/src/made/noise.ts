// Noise in the plane: smooth values between random grid points, and distances to the edges of random cells.

/** A number from 0 to 1 for each grid point, the same one each time. */
function hashed(x: number, y: number, seed: number): number {
  let mixed = Math.imul(x, 374761393) ^ Math.imul(y, 668265263) ^ Math.imul(seed, 2246822519);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 1274126177);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

/** Value noise: from 0 to 1, smooth, with features of size 1. */
export function noiseOf(seed: number): (x: number, y: number) => number {
  return (x, y) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [right, down] = [eased(x - column), eased(y - row)];
    const above = hashed(column, row, seed) * (1 - right) + hashed(column + 1, row, seed) * right;
    const below = hashed(column, row + 1, seed) * (1 - right) + hashed(column + 1, row + 1, seed) * right;
    return above * (1 - down) + below * down;
  };
}

/** How far a point is from the edge between the two nearest of random points, one for each square of a grid (Worley 1996). */
export function cellsOf(seed: number, size: number): (x: number, y: number) => number {
  return (x, y) => {
    const [column, row] = [Math.floor(x / size), Math.floor(y / size)];
    let [nearest, second] = [Infinity, Infinity];
    for (let r = row - 1; r <= row + 1; r += 1) {
      for (let c = column - 1; c <= column + 1; c += 1) {
        const far = Math.hypot((c + hashed(c, r, seed)) * size - x, (r + hashed(c, r, seed + 7)) * size - y);
        if (far < nearest) [nearest, second] = [far, nearest];
        else if (far < second) second = far;
      }
    }
    return (second - nearest) / 2;
  };
}

const eased = (share: number) => share * share * (3 - 2 * share);
