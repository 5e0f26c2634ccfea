
"use strict";
(function () {
  var filter = document.getElementById("filter"), shown = document.getElementById("shown");
  var items = Array.prototype.slice.call(document.querySelectorAll(".item"));
  if (items.length === 0) { document.querySelector(".tools").hidden = true; }
  function apply() {
    var words = filter.value.toLowerCase().split(/\s+/), n = 0;
    items.forEach(function (item) {
      var text = (item.dataset.text || item.textContent).toLowerCase();
      item.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      if (!item.hidden) { n++; }
    });
    shown.textContent = filter.value ? n + " of " + items.length : "";
  }
  filter.addEventListener("input", apply);
  function go(step) {
    var bad = items.filter(function (item) { return item.classList.contains("bad") && !item.hidden; });
    if (bad.length === 0) { return; }
    var at = bad.findIndex(function (item) { return item.contains(document.activeElement); });
    var next = bad[at < 0 ? (step > 0 ? 0 : bad.length - 1) : (at + step + bad.length) % bad.length];
    if (next.tagName === "DETAILS") { next.open = true; }
    var to = next.querySelector("summary") || next;
    to.focus();
    to.scrollIntoView({ block: "start" });
  }
  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) { return; }
    if (e.target === filter) {
      if (e.key === "Escape") { filter.value = ""; apply(); filter.blur(); }
      return;
    }
    if (e.key === "/") { filter.focus(); e.preventDefault(); }
    if (e.key === "n") { go(1); }
    if (e.key === "p") { go(-1); }
    if (e.key === "e") {
      var all = items.filter(function (item) { return item.tagName === "DETAILS"; });
      var open = all.some(function (item) { return !item.open; });
      all.forEach(function (item) { item.open = open; });
    }
  });
  function linked() {
    var to = location.hash && document.getElementById(location.hash.slice(1));
    if (to && to.tagName === "DETAILS") { to.open = true; to.scrollIntoView(); }
  }
  window.addEventListener("hashchange", linked);
  linked();
})();
