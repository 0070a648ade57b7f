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

/* Write an attribute only where it changes, for every write wakes assistive technology. */
Demo.setAttribute = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};
