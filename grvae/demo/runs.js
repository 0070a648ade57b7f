"use strict";
/* The tables below: what made each model that is shown, one column a model. */

Demo.Runs = (() => {
  const { Images, Words, byId, make } = Demo;
  function show(models) {
    fill(byId("runs"), models, (model) => ({
      seed: model.seed,
      [`accuracy on test ${Images.words.things}`]: model.labelled
        ? Words.percent(model.measures.argmax_accuracy)
        : `${Words.percent(model.measures.assigned_accuracy)}, by the ${Images.words.nouns} that its latents fit best`,
      "squared error per image": model.measures.squared_error_per_image.toFixed(1),
      routing: model.recipe.routing,
      "weights, SHA-256": `${model.weights_sha256.slice(0, 12)}\u2026`,
    }));
    fill(byId("parameters"), models, (model) => ({
      latent_act: model.latent_act,
      ...model.recipe,
      sha256: model.weights_sha256,
    }));
  }

  function fill(table, models, factsOf) {
    table.replaceChildren();
    const addRow = (section, [name, ...values], tag, scope) => {
      const row = section.insertRow();
      row.append(make("th", { scope }, name));
      for (const value of values) {
        row.append(make(tag, {}, Array.isArray(value) ? value.join(", ") : String(value ?? "\u2013")));
      }
    };
    const columns = models.map(factsOf);
    const names = [...new Set(columns.flatMap((facts) => Object.keys(facts)))];
    addRow(table.createTHead(), ["variant", ...models.map((model) => model.variant)], "th", "col");
    const body = table.createTBody();
    for (const name of names) addRow(body, [name, ...columns.map((facts) => facts[name])], "td", "row");
  }

  /* Models with one reason in one sentence. */
  function showLeftOut(leftOut) {
    const reasons = [...new Set(leftOut.map(({ reason }) => reason))];
    const named = (reason) => leftOut.filter((each) => each.reason === reason).map(({ name }) => name).join(", ");
    byId("left-out").textContent = reasons
      .map((reason) => `Left out: ${named(reason)} (each ${reason}).`)
      .join(" ");
  }

  return { show, showLeftOut };
})();
