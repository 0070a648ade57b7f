"use strict";
/* What all images of this page share, as the index says it, and what the page calls them. */

Demo.Images = (() => {
  const index = Demo.Data.peek("index"); // without it the page only says what is missing
  const unknown = { classes: [], side: 28, colours: 1, noun: "class", drawable: true };
  const { classes, side, colours, noun, drawable } = index ? index.images : unknown;
  const longestName = Math.max(1, ...classes.map((name) => name.length));
  const hasLongNames = longestName > 2;
  const thing = noun === "class" ? "image" : noun; // one of them
  const NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
  const inWords = (number) => NUMBERS[number] || String(number);
  const many = colours === 1 ? `${side ** 2} pixels` : `${colours * side ** 2} values of its pixels`;

  /* What stands in the page's text where the images decide it; see `data-word` in index.html. */
  const words = {
    noun,
    nouns: noun === "class" ? "classes" : `${noun}s`,
    thing,
    things: `${thing}s`,
    a_thing: thing === "image" ? "an image" : `a ${thing}`,
    input: noun === "digit" ? "a handwritten digit" : thing === "image" ? "an image" : `a ${thing}`,
    heading: drawable ? `Draw a ${thing}` : "An image",
    count: inWords(classes.length),
    others: inWords(classes.length - 1),
    pixels: many,
    ink: drawable ? "ink" : "light",
  };
  words.A_thing = words.a_thing.replace("a", "A");

  /* Fill them in, and say what the style depends on. */
  function fill() {
    for (const each of document.querySelectorAll("[data-word]")) {
      each.textContent = words[/** @type {HTMLElement} */ (each).dataset.word];
    }
    document.title = Demo.byId("title").textContent;
    document.documentElement.style.setProperty("--longest-name", String(longestName));
    Object.assign(document.documentElement.dataset, {
      names: hasLongNames ? "long" : "short",
      many: String(classes.length > 12),
      drawable: String(drawable),
    });
  }

  return {
    classes, side, colours, drawable, words, fill,
    count: classes.length,
    size: colours * side ** 2, // of a flat image: channel by channel, row by row
    hasLongNames,
    /* What kind of thing an image is, after "Test digit 12, ". */
    labelled: (label) => (noun === "digit" ? `a ${classes[label]}` : `labelled ${classes[label]}`),
    /* One of them, in a sentence. */
    imageOf: (label) => (noun === "digit" ? `image of ${classes[label] === "8" ? "an" : "a"} ${classes[label]}` : `image of the ${noun} ${classes[label]}`),
  };
})();
