// Boxes that hide what is not ticked. Without JavaScript everything is shown.
const form = document.getElementById("filters");
const hidden = new Set();
for (const key of ["method", "phantom", "dose"]) {
  const members = [...document.querySelectorAll(`[data-${key}]`)];
  const names = [...new Set(members.map((member) => member.dataset[key]))];
  if (key === "dose") names.sort((a, b) => a - b);
  if (names.length < 2) continue;
  const group = form.appendChild(document.createElement("fieldset"));
  group.appendChild(document.createElement("legend")).textContent = key;
  for (const name of names) {
    const label = group.appendChild(document.createElement("label"));
    const box = label.appendChild(document.createElement("input"));
    Object.assign(box, { type: "checkbox", checked: true, name: key, value: name });
    label.append(" " + name);
    box.addEventListener("change", () => {
      hidden[box.checked ? "delete" : "add"](`${key}:${name}`);
      for (const member of document.querySelectorAll("[data-method], [data-phantom], [data-dose]")) {
        member.hidden = Object.entries(member.dataset).some(([k, v]) => hidden.has(`${k}:${v}`));
      }
    });
  }
}
form.hidden = !form.children.length;
