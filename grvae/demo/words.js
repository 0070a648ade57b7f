"use strict";
/* Numbers and words as the page writes them. */

Demo.Words = (() => {
  const capitalised = (word) => (word ? word[0].toUpperCase() + word.slice(1).replaceAll("_", " ") : word);

  /* What a model makes of its input, in a line. */
  function classified({ label, runnerUp, lowMargin, outOfDistribution }) {
    const { classes } = Demo.Images;
    if (outOfDistribution) return `classified as ${classes[label]}, but out of distribution`;
    return `classified as ${classes[label]}${lowMargin ? `, low margin over ${classes[runnerUp]}` : ""}`;
  }

  /* Why an image is out of distribution; what is not drawn has no ink. */
  const strangeness = (reason) => reason.replace("ink", Demo.Images.words.ink);

  return {
    capitalised,
    uncapitalised: (sentence) => sentence[0].toLowerCase() + sentence.slice(1),
    classified,
    strangeness,
    percent: (share) => `${(100 * share).toFixed(1)} %`,
    /* A minus sign, and no minus zero. */
    decimal: (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "\u2212"),
    titleOf: (entry) => `${capitalised(entry.variant)}, seed ${entry.seed}`,
  };
})();
