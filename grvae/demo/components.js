"use strict";
/* The first two principal components of some rows, by power iteration. */
Demo.principalComponents = (rows) => {
  const size = rows[0].length;
  const middle = Array.from({ length: size }, (_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const covariance = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, j) =>
      rows.reduce((sum, row) => sum + (row[i] - middle[i]) * (row[j] - middle[j]), 0) / rows.length));
  const directions = [];
  for (let which = 0; which < 2; which++) {
    let direction = Array.from({ length: size }, (_, i) => 1 / (i + 1));
    for (let round = 0; round < 200; round++) {
      let next = covariance.map((row) => row.reduce((sum, each, i) => sum + each * direction[i], 0));
      for (const other of directions) {
        const shared = next.reduce((sum, each, i) => sum + each * other[i], 0);
        next = next.map((each, i) => each - shared * other[i]);
      }
      const length = Math.hypot(...next) || 1;
      direction = next.map((each) => each / length);
    }
    directions.push(direction);
  }
  return directions;
};
