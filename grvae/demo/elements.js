"use strict";
/* Elements of the page, found, made and written to. */

/* By its id; what kind of element it is, the caller knows. */
/** @type {(id: string) => any} */
Demo.byId = (id) => document.getElementById(id);

/* An element with properties, classes and children, made in one line. */
/** @type {(tag: string, properties?: any, ...children: (Node | string)[]) => any} */
Demo.make = (tag, properties = {}, ...children) => {
  const { dataset = {}, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
};

/* One of a drawing, with its attributes and children. */
Demo.svg = (tag, attributes, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

/* Write an attribute only where it changes, for every write wakes assistive technology. */
Demo.setAttribute = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};
