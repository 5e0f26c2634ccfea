package luatest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The flash is that of the app: test files have never been on it, so that it is neither
// fuller nor older for them, and their names may be longer than those of a device.
func TestTestFilesOnFlash(t *testing.T) {
	files := map[string]string{
		"lib.lua": "return 1",
		"this_name_is_too_long_for_a_device_test.lua": `
it("is not on the flash", function()
  local names = {}
  for name in pairs(file.list()) do names[#names + 1] = name end
  table.sort(names)
  assert.equal("lib.lua", table.concat(names, " "))
  local left, used, total = file.fsinfo()
  assert.equal(2 * 251, used) -- its index and its text
end)`,
		"short_test.lua": "it('is there', function() assert.is_true(file.exists('short_test.lua')) end)",
	}
	c, s := ran(t, Options{Paths: []string{write(t, files)}})
	if s.Passed != 1 || s.Failed != 1 || s.Unloaded != 0 {
		t.Errorf("%+v %+v", s, c.files)
	}
	delete(files, "this_name_is_too_long_for_a_device_test.lua")
	if c, s = ran(t, Options{Paths: []string{write(t, files)}, OnFlash: true}); s.Passed != 1 {
		t.Errorf("on the flash: %+v %+v", s, c.files)
	}
}

// What is looked for first in a file is in each text in which a library is found.
func TestNames(t *testing.T) {
	texts := strings.Fields(`sim.now describe context insulate expose it spec test pending finally before_each setup teardown assert luassert
		luassert.spy stub mock spy. a.spy match. luassert.match "matcher" 'matcher' near unique returned_arguments snapshot register "say" 'say' NTest`)
	found := map[string]bool{}
	for _, text := range append(texts, "spy .on", "x . spy", "match\t.is_true") {
		for _, l := range libraries {
			if l.of == nil {
				continue
			}
			if found[l.name] = found[l.name] || l.of.of.MatchString(text); l.of.of.MatchString(text) != l.of.in(text) {
				t.Errorf("%s is of %s, but has none of %q", text, l.name, l.of.among)
			}
		}
	}
	if len(found) != len(libraries)-1 || slices.Contains(slices.Collect(maps.Values(found)), false) {
		t.Errorf("found are %v", found)
	}
}
