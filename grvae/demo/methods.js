"use strict";
/* What there is to say of each way in which latents come to stand for classes: one table. Which of
   them a run is, `method_of` in grvae/use/demo_bundle.py says.

   name, about   the method in a word, and in a line on a model's card
   passes        whose gradient reaches the encoder early and late: of the label's latent alone
                 ("own"), of all ("all"), or of all up to floor and ceiling ("gate")
   trained       which classes have trained a latent in the end: its own ("own"), its own and softly
                 the others ("soft"), or all ("all")
   through, rule, many   the explanation's last three sentences, for an image of class `d` */

Demo.METHODS = (() => {
  const { noun, count, others } = Demo.Images.words;
  const trains = noun === "digit" ? "Images of a 7 train latent 7" : `Images of a ${noun} train its own latent`;
  const isSet = (value) => value !== null && value !== undefined;
  const limit = (value, word) => (isSet(value) ? `${word} of ${value}` : word);
  const number = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1));

  /* What becomes of a gradient that the gate holds back. */
  function fate(share) {
    if (!share) return "ignored";
    if (share > 0) return `weakened to ${number(100 * share)} %`;
    return share === -1 ? "reversed" : `reversed, times ${number(-share)}`;
  }

  /* In the order in which the explanation offers them. */
  return {
    gated: {
      name: "Gated",
      about: `${trains}; the others stay low.`,
      passes: { early: "own", late: "gate" },
      trained: "soft",
      through: (d) => `Now the mask: early in training, only the label latent, ${d}, passes the gradient on to the encoder, and the crosses mark what is lost; without routing, all ${count} pass it on.`,
      rule: (d, { floor, ceiling, doubt_margin: margin, blocked_gradient_scale: share, amplified_gradient_scale: gain }) => {
        const label = isSet(margin) && !isSet(floor) ? `latent ${d} down` : `latent ${d} down while below its ${limit(floor, "floor")}`;
        return `Later all ${count} pass it on, but ` +
          (isSet(margin) ? `while latent ${d} leads all others by less than ${number(margin)}, ` : "") +
          `a gradient that would reduce the lead is ${fate(share)} (${label}, or another up while above its ` +
          `${limit(ceiling, "ceiling")})${gain > 1 ? `, and one that would increase it is multiplied by ${number(gain)}` : ""}.`;
      },
      many: "After many images, each latent is large for its own class alone, and at low values encodes how images of other classes are drawn; without routing, all were trained alike by all classes.",
    },
    routed: {
      name: "Routed",
      about: noun === "digit" ? `${trains} only, and so on.` : `${trains} only.`,
      passes: { early: "own", late: "own" },
      trained: "own",
      through: (d) => `Now the mask: only the label latent, ${d}, passes the gradient on to the encoder, and the crosses mark what is lost; without routing, all ${count} pass it on.`,
      rule: (d, { floor }) =>
        `Only the encoder\u2019s gradient stops at the other ${others}: the decoder still learns from all ${count}` +
        (isSet(floor) ? `; and latent ${d} is not pushed down while it is below its ${limit(floor, "floor")}.` : "."),
      many: "After many images, each latent was trained only by its own class, and stands for it; without routing, each was trained by all classes.",
    },
    classified: {
      name: "Classification loss",
      about: "No routing: a classification loss names the latents.",
      passes: { early: "all", late: "all" },
      trained: "all",
      through: () => `All ${count} pass it on to the encoder, with the classification loss and without; but that loss adds a gradient from the label.`,
      rule: (d) => `The classification loss pushes latent ${d} up and the other ${others} down, whatever the reconstruction needs.`,
      many: `After many images, the classification loss has tied each latent to a ${noun}; the reconstruction alone would not.`,
    },
    prior: {
      name: `Prior by ${noun}`,
      about: `No routing: a prior for each ${noun} names the latents.`,
      passes: { early: "all", late: "all" },
      trained: "all",
      through: () => `All ${count} pass it on to the encoder, with the prior by ${noun} and without; but that prior depends on the label.`,
      rule: (d) => `The prior pulls latent ${d} away from the other ${others}, whatever the reconstruction needs.`,
      many: `After many images, the prior has tied each latent to a ${noun}; the reconstruction alone would not.`,
    },
    none: {
      name: "No routing",
      about: `No routing: every ${noun} trains every latent.`,
      passes: { early: "all", late: "all" },
      trained: "all",
    },
  };
})();
