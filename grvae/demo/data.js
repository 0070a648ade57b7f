"use strict";
/* The page's data files, each loaded when it is first asked for. They are scripts that call
   `Demo.Data.receive`, for a page opened by double click may load scripts and nothing else. This is
   the first script: it makes the one name under which all the others put theirs. */

const Demo = {};

Demo.Data = (() => {
  const received = new Map();
  const requested = new Map();

  function receive(name, content) {
    received.set(name, content);
  }

  /* What a file holds, once it is there; the promise fails with a sentence to show. */
  function load(name) {
    if (received.has(name)) return Promise.resolve(received.get(name));
    if (!requested.has(name)) requested.set(name, request(name));
    return requested.get(name);
  }

  /* The page's own load event does not wait for data: only then can one draw before it is there. */
  const pageLoaded = new Promise((resolve) => {
    if (document.readyState === "complete") resolve();
    else window.addEventListener("load", () => resolve(), { once: true });
  });

  async function request(name) {
    await pageLoaded;
    const path = `data/${name}.js`;
    return new Promise((resolve, reject) => {
      const fail = (what) => {
        requested.delete(name); // so that it can be tried again
        reject(new Error(`The file ${path} ${what}.`));
      };
      const script = document.createElement("script");
      script.src = path;
      script.addEventListener("error", () => fail("could not be loaded"));
      script.addEventListener("load", () => {
        if (received.has(name)) resolve(received.get(name));
        else fail("is not what it should be");
      });
      document.head.append(script);
    });
  }

  /* Whether the browser has what `inflate` needs; some have another format of it only. */
  function canInflate() {
    try {
      return Boolean(new DecompressionStream("deflate-raw"));
    } catch {
      return false;
    }
  }

  /* The bytes of compressed base64. */
  async function inflate(base64) {
    const binary = atob(base64);
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  return { receive, load, canInflate, inflate, peek: (name) => received.get(name) };
})();
