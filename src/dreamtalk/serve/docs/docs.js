// Draws the API's description. Text goes in as text, never as markup.
"use strict";

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function nameOf(schema, all) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((one) => nameOf(one, all)).join(" | ");
  if (schema.type === "array") return `list of ${nameOf(schema.items, all) || "anything"}`;
  return schema.format === "binary" ? "file" : schema.type || "";
}

function table(schema, all, parent) {
  const found = schema && schema.$ref ? all[schema.$ref.split("/").pop()] : schema;
  if (!found || !found.properties) return;
  const rows = element("tbody", undefined, element("table", undefined, parent));
  for (const [name, field] of Object.entries(found.properties)) {
    const row = element("tr", undefined, rows);
    element("code", name, element("td", undefined, row));
    const needed = (found.required || []).includes(name) ? " (needed)" : "";
    const usual = field.default === undefined || field.default === null ? "" : `, default ${JSON.stringify(field.default)}`;
    element("td", nameOf(field, all) + usual + needed, row);
    element("td", field.description || "", row);
  }
  const shown = new Set();
  for (const field of Object.values(found.properties)) {
    const inner = [field, ...(field.anyOf || [])].find((one) => one.$ref);
    if (inner && !shown.has(inner.$ref)) {
      shown.add(inner.$ref);
      element("h4", nameOf(inner, all), parent);
      table(inner, all, parent);
    }
  }
}

function operation(path, method, told, all, parent) {
  const box = element("details", undefined, parent);
  const line = element("summary", undefined, box);
  const word = element("span", method.toUpperCase(), line);
  word.className = "method";
  element("code", path, line);
  element("span", ` ${(told.description || told.summary || "").split("\n")[0]}`, line);
  const more = (told.description || "").split("\n").slice(1).join(" ");
  if (more) element("p", more, box);
  const contents = (told.requestBody || {}).content || {};
  for (const [kind, body] of Object.entries(contents)) {
    element("h3", kind, box);
    table(body.schema, all, box);
  }
}

async function draw() {
  const answer = await fetch("/openapi.json");
  const told = await answer.json();
  const all = (told.components || {}).schemas || {};
  document.getElementById("about").textContent = `${told.info.description} Version ${told.info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(told.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const tag = (one.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, one]);
    }
  }
  const main = document.getElementById("paths");
  for (const [tag, operations] of groups) {
    element("h2", tag, main);
    for (const [path, method, one] of operations) operation(path, method, one, all, main);
  }
  element("h2", "live", main);
  const note = "WebSocket /v1/live: speech in, frames out; see docs/server.md in the project.";
  element("p", note, main);
}

draw().catch(() => { document.getElementById("about").textContent = "openapi.json cannot be read."; });
