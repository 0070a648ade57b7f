"use strict";
/* Numbers and words as the page writes them. */

Demo.Words = (() => {
  const capitalised = (word) => (word ? word[0].toUpperCase() + word.slice(1).replaceAll("_", " ") : word);

  /* What a model makes of its input, in a line. */
  function classified({ digit, runnerUp, lowMargin, outOfDistribution }) {
    if (outOfDistribution) return `classified as ${digit}, but out of distribution`;
    return `classified as ${digit}${lowMargin ? `, low margin over ${runnerUp}` : ""}`;
  }

  return {
    capitalised,
    classified,
    percent: (share) => `${(100 * share).toFixed(1)} %`,
    /* A minus sign, and no minus zero. */
    decimal: (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "\u2212"),
    titleOf: (entry) => `${capitalised(entry.variant)}, seed ${entry.seed}`,
  };
})();
