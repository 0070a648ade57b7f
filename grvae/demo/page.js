"use strict";
/* The page as a whole: its shared controls as the state wants them, and its start. */

Demo.showBanner = (text) => {
  Demo.byId("banner").hidden = !text;
  Demo.byId("banner").textContent = text;
};

Demo.render = () => {
  const { Images, Input, Models, byId, make, setAttribute, state } = Demo;
  const { cards, images, misclassified, pixels, pure, started } = state;
  const hasModels = Models.all().length > 0;
  const enable = (ids, condition) => ids.forEach((id) => (byId(id).disabled = !condition));

  setAttribute(byId("seen"), "aria-label", pixels ? `What the encoder sees: ${Images.side} by ${Images.side} pixels` : "Nothing yet");
  byId("hint").hidden = pixels !== null;
  byId("source").textContent = state.source;
  byId("classes").replaceChildren(...Input.classes().map(([name, text]) => make("li", {}, name, make("span", {}, text))));
  enable(["undo"], Input.pad.history.length > 0);
  enable(["clear"], !Input.pad.empty);
  enable(["previous", "random", "next"], images);

  const found = misclassified && misclassified.positions;
  const whose = misclassified ? misclassified.model.title : "the first model";
  byId("misclassified-label").textContent = `Only ${found ? `the ${found.length}` : "those"} that ${whose} misclassifies`;
  enable(["misclassified"], found && found.length > 0);
  if (found && !found.length) byId("misclassified").checked = false;

  enable(["encode"], pixels && hasModels);
  enable(["reset", "play", "speed", "copy-numbers"], hasModels);
  byId("play").textContent = state.playing ? "Pause" : "Play";
  [...byId("pure").children].forEach((button, label) => {
    button.disabled = !hasModels;
    setAttribute(button, "aria-pressed", String(label === pure));
  });

  enable(["copy-link", "view", "embed", "add"], started);
  byId("latent").hidden = byId("view").querySelector("[value=latent]").hidden = !state.latent;
  byId("add").hidden = cards.length >= Models.most();
  cards.forEach((card) => (card.find(".remove").hidden = cards.length < 2));
  Models.map.setCurrent(Input.pad.image);
  Demo.Live.render();
};

Demo.start = async () => {
  const { Address, Data, Models, byId, showBanner, update } = Demo;
  const giveUp = (why) => {
    showBanner(why);
    document.documentElement.dataset.ready = "false";
  };
  Demo.Images.fill();
  for (const part of [Demo.Sliders, Demo.Input, Models, Demo.Tour, Address, Demo.Live]) part.listen();
  if (!Data.canInflate()) {
    giveUp(`This browser is too old. The page needs ${byId("browsers").textContent}, or later.`);
    return;
  }
  const index = Data.peek("index");
  if (!index) {
    giveUp("The file data/index.js is missing, so there is no model to ask. Build the page with \u201cmake demo\u201d, and keep all its files together.");
    return;
  }
  showBanner("");
  update({ entries: index.models });
  Demo.Runs.showLeftOut(index.left_out);
  Models.explain(index);
  await Address.apply(Demo.Share.read(location.hash));
  update({ started: true });
  Models.showExample();
  document.documentElement.dataset.ready = "true";
};

Demo.start();
